//! The requests that an API server gets.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::client::Client;
use super::error::AskError;
use crate::core::identity::VerifiedIdentity;
use crate::core::json::AsItIs;
use crate::core::secret::Secret;
use crate::exchange::ExchangeError;
use crate::ports::ReviewQuery;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("rolegate/", env!("CARGO_PKG_VERSION")));

const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9");

/// A review's question, for as long as it is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) token: Secret,
    pub(super) audiences: Vec<String>,
}

impl Question {
    pub(super) fn of(query: &ReviewQuery<'_>) -> Self {
        let audiences = query.audiences.iter().map(ToString::to_string).collect();
        Self { token: query.token.to_owned().into(), audiences }
    }
}

/// `authentication.k8s.io/v1` TokenReview, as it is asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenReview<'a> {
    api_version: &'static str,
    kind: &'static str,
    spec: TokenReviewSpec<'a>,
}

#[derive(Serialize)]
struct TokenReviewSpec<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    audiences: &'a [String],
    token: AsItIs<'a>,
}

fn token_review(question: &Question) -> serde_json::Result<Vec<u8>> {
    let token = question.token.expose();
    let spec = TokenReviewSpec { audiences: &question.audiences, token: AsItIs(token) };
    let review = TokenReview { api_version: "authentication.k8s.io/v1", kind: "TokenReview", spec };
    let mut json = Vec::with_capacity(token.len().saturating_add(512));
    serde_json::to_writer(&mut json, &review)?;
    Ok(json)
}

/// Asks for a TokenReview.
pub(super) async fn review(
    client: &Client,
    bearer: HeaderValue,
    question: &Question,
) -> Result<(StatusCode, Bytes), AskError> {
    let json = token_review(question).map_err(|error| ExchangeError::Unreachable(error.into()))?;
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    Ok(client.post(path, |headers| asked_by(headers, bearer), json).await?)
}

/// Asks for a namespace. Its name is a DNS label, which needs no escape in a path.
pub(super) async fn namespace(
    client: &Client,
    bearer: HeaderValue,
    name: &str,
) -> Result<(StatusCode, Bytes), AskError> {
    let path = format!("/api/v1/namespaces/{name}");
    Ok(client.get(&path, |headers| asked_by(headers, bearer)).await?)
}

/// Asks for a service account. Its names are DNS names, which need no escape in a path.
pub(super) async fn service_account(
    client: &Client,
    bearer: HeaderValue,
    account: &VerifiedIdentity,
) -> Result<(StatusCode, Bytes), AskError> {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", account.namespace(), account.name());
    Ok(client.get(&path, |headers| asked_by(headers, bearer)).await?)
}

/// Asks for the keys that sign service-account tokens. `jwks_uri` of the discovery document is not followed: it may name
/// any host.
pub(super) async fn published_keys(
    client: &Client,
    bearer: HeaderValue,
) -> Result<(StatusCode, Bytes), AskError> {
    let with = |headers: &mut HeaderMap| {
        asked_by(headers, bearer);
        // The only type that this path has; without it the API server answers 406.
        headers.insert(ACCEPT, JWK_SET);
    };
    Ok(client.get("/openid/v1/jwks", with).await?)
}

/// With the bearer, and under our name.
fn asked_by(headers: &mut HeaderMap, bearer: HeaderValue) {
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(USER_AGENT, AGENT);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Question, token_review};

    #[test]
    fn any_token_and_any_audiences_make_one_question() {
        for token in ["ey.J.x", "", "a\"b\\c\n\u{1}", "\u{fc}", "\",\"audiences\":[\"x\"],\"token\":\""] {
            for audiences in [&[][..], &["a", "b\""]] {
                let owned = audiences.iter().map(ToString::to_string).collect();
                let question = Question { token: token.to_owned().into(), audiences: owned };
                let mut spec = json!({ "token": token });
                if !audiences.is_empty() {
                    spec["audiences"] = json!(audiences);
                }
                let expected =
                    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec });
                let review: Value = serde_json::from_slice(&token_review(&question).unwrap()).unwrap();
                assert_eq!(review, expected, "{token:?}");
            }
        }
    }
}
