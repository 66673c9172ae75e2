//! `sys/wrapping/…`: answers that are kept under a token of their own and given out once.

use serde_json::{Map, Value, json};

use crate::core::secret::Secret;
use crate::tokens::Tokens;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal, WrapInfo};
use crate::vault::request::Request;
use crate::vault::token::answer::rfc3339;
use crate::vault::token::refusal::of_tokens;

/// Keeps an answer for `ttl` seconds, and gives what the caller gets in its place.
///
/// # Errors
/// Where the store fails; the answer is then not given out at all.
pub(in crate::vault) async fn wrap(
    tokens: &Tokens,
    answer: &Secret,
    wrapped_accessor: String,
    creation_path: &str,
    ttl: i64,
) -> Result<Answer, Refusal> {
    let issued = tokens.wrap(answer, creation_path, ttl).await.map_err(of_tokens)?;
    let info = WrapInfo {
        creation_time: rfc3339(issued.record.created),
        accessor: issued.record.accessor,
        token: issued.token,
        ttl,
        creation_path: creation_path.to_owned(),
        wrapped_accessor,
    };
    Ok(Answer { wrap_info: Some(Box::new(info)), ..Answer::default() })
}

/// Whether what a request to `path` below `sys/wrapping/` wants to open is there. The reference looks before it looks at
/// the caller.
///
/// # Errors
/// Where it is not.
pub(in crate::vault) async fn check(tokens: &Tokens, request: &Request, path: &str) -> Result<(), Refusal> {
    if !matches!(path, "lookup" | "unwrap" | "rewrap") {
        return Ok(());
    }
    let found = tokens.find_wrapping(named(request)?.expose()).await.map_err(of_tokens)?;
    found.map(drop).ok_or_else(not_valid)
}

/// `wrap`: gives the fields back, which the answer's own wrapping then keeps.
pub(super) fn give_back(request: &Request) -> Outcome {
    if request.wrap_seconds() == 0 {
        return Refusal::new(Class::Invalid, "endpoint requires response wrapping to be used").into();
    }
    Outcome::Done(Answer { data: Some(request.data.clone()), ..Answer::default() })
}

/// `lookup`: what a wrapping token tells of what it holds.
pub(super) async fn lookup(tokens: &Tokens, request: &Request) -> Outcome {
    let found = match named(request) {
        Ok(token) => tokens.find_wrapping(token.expose()).await,
        Err(refusal) => return refusal.into(),
    };
    match found {
        Ok(Some(found)) => {
            let record = &found.record;
            let data: Map<String, Value> = [
                ("creation_path", json!(record.path)),
                ("creation_time", json!(rfc3339(record.created))),
                ("creation_ttl", json!(record.creation_ttl)),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
            Outcome::Done(Answer { data: Some(data), ..Answer::default() })
        }
        Ok(None) => not_valid().into(),
        Err(error) => of_tokens(error).into(),
    }
}

/// `unwrap`: the answer itself, once.
pub(super) async fn unwrap(tokens: &Tokens, request: &Request) -> Outcome {
    match named(request) {
        Err(refusal) => refusal.into(),
        Ok(token) => match tokens.unwrap(token.expose()).await {
            Ok(Some(answer)) => Outcome::Done(Answer { unwrapped: Some(answer), ..Answer::default() }),
            Ok(None) => not_valid().into(),
            Err(error) => of_tokens(error).into(),
        },
    }
}

/// `rewrap`: the same answer for as long again, under another token.
pub(super) async fn rewrap(tokens: &Tokens, request: &Request) -> Outcome {
    match rewrapped(tokens, request).await {
        Ok(answer) => Outcome::Done(answer),
        Err(refusal) => refusal.into(),
    }
}

async fn rewrapped(tokens: &Tokens, request: &Request) -> Result<Answer, Refusal> {
    let token = named(request)?;
    let found = tokens.find_wrapping(token.expose()).await.map_err(of_tokens)?.ok_or_else(not_valid)?;
    let answer = tokens.unwrap(token.expose()).await.map_err(of_tokens)?.ok_or_else(not_valid)?;
    wrap(tokens, &answer, String::new(), &found.record.path, found.record.creation_ttl).await
}

/// The token in the body, else that of the request.
fn named(request: &Request) -> Result<Secret, Refusal> {
    let wrong = |what| Refusal::new(Class::Denied, format!("error validating wrapping token: {what}"));
    match request.data.get("token") {
        None | Some(Value::Null) => request.token.clone().ok_or_else(|| wrong("token is empty")),
        Some(Value::String(token)) if token.is_empty() => Err(wrong("empty token in request body")),
        Some(Value::String(token)) => Ok(Secret::from(token.clone())),
        Some(_) => Err(wrong("could not decode token in request body")),
    }
}

fn not_valid() -> Refusal {
    Refusal::new(Class::Invalid, "wrapping token is not valid or does not exist")
}
