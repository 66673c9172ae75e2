//! Answers over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::body::BodyError;
use super::headers::PatchType;
use super::target::TargetError;
use crate::vault::envelope;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};
use crate::vault::request::Operation;

/// An answer, whole.
pub(super) type Reply = Response<Full<Bytes>>;

/// What the caller learns of a fault of ours.
pub(super) const INTERNAL: &str = "internal error";

/// When to ask again where nothing better is known.
const RETRY: Duration = Duration::from_secs(1);

/// JSON.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = plain(status, body.into());
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// An error with these texts.
pub(super) fn errors(status: StatusCode, texts: &[&str]) -> Reply {
    json(status, envelope::errors(texts))
}

/// An error with one text.
pub(super) fn error(status: StatusCode, text: &str) -> Reply {
    errors(status, &[text])
}

/// An error without a word.
pub(super) fn silent(status: StatusCode) -> Reply {
    errors(status, &[])
}

/// The request can be sent again soon.
pub(super) fn unavailable(text: &str) -> Reply {
    retry(error(StatusCode::SERVICE_UNAVAILABLE, text), RETRY)
}

/// The answer to what came of a request.
pub(super) fn of_outcome(id: &str, operation: Operation, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Done(answer) if answer.is_empty() => nothing(operation),
        Outcome::Done(answer) => {
            let status = if answer.goes_on { StatusCode::ACCEPTED } else { StatusCode::OK };
            json(status, envelope::encode(id, answer))
        }
        Outcome::Refused(refusal) => of_refusal(refusal),
    }
}

fn nothing(operation: Operation) -> Reply {
    match operation {
        Operation::Read | Operation::List | Operation::Header => silent(StatusCode::NOT_FOUND),
        Operation::Write | Operation::Delete | Operation::Patch => json(StatusCode::NO_CONTENT, Bytes::new()),
    }
}

fn of_refusal(refusal: &Refusal) -> Reply {
    let status = match refusal.class {
        Class::Invalid => StatusCode::BAD_REQUEST,
        Class::Denied => StatusCode::FORBIDDEN,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let reply = json(status, envelope::errors(&refusal.texts()));
    match refusal.retry_after {
        Some(after) => retry(reply, after),
        None if refusal.class == Class::Unavailable => retry(reply, RETRY),
        None => reply,
    }
}

/// The answer to a path that names nothing. `query` is what stood behind it.
pub(super) fn of_target(error: TargetError, query: Option<&str>, get: bool) -> Reply {
    match error {
        TargetError::Outside => silent(StatusCode::NOT_FOUND),
        TargetError::Unprintable => plain(StatusCode::BAD_REQUEST, Bytes::new()),
        TargetError::BrokenEscape => {
            let mut reply = plain(StatusCode::BAD_REQUEST, Bytes::from_static(b"400 Bad Request"));
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            reply.headers_mut().insert(header::CONTENT_TYPE, text);
            reply
        }
        TargetError::Unclean(path) => redirect(&path, query, get),
    }
}

/// To the same place by its cleaned path, with the words that the reference has for whoever follows by hand.
fn redirect(path: &str, query: Option<&str>, get: bool) -> Reply {
    let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let shown = location.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let shown = shown.replace('"', "&#34;").replace('\'', "&#39;");
    let text = format!("<a href=\"{shown}\">Temporary Redirect</a>.\n\n");
    let Ok(location) = HeaderValue::try_from(location) else {
        return plain(StatusCode::BAD_REQUEST, Bytes::new());
    };
    let mut reply = plain(StatusCode::TEMPORARY_REDIRECT, if get { text.into() } else { Bytes::new() });
    let headers = reply.headers_mut();
    headers.insert(header::LOCATION, location);
    if get {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    reply
}

/// The answer to a body that was not received.
pub(super) fn of_body(error: BodyError) -> Reply {
    match error {
        BodyError::TooLarge => self::error(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large"),
        BodyError::TooSlow => {
            let mut reply =
                self::error(StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time");
            // What still comes of it is not heard. HTTP/2 has no such header and leaves it out.
            reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            reply
        }
        BodyError::Crowded => unavailable("too many large requests at a time"),
        BodyError::Broken => self::error(StatusCode::BAD_REQUEST, "error reading data"),
    }
}

/// The answer to a patch that is none.
pub(super) fn of_patch_type(wrong: &PatchType) -> Reply {
    match wrong {
        PatchType::Unreadable(text) => error(StatusCode::BAD_REQUEST, text),
        PatchType::Other(found) => error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &format!("PATCH requires Content-Type of application/merge-patch+json, provided {found}"),
        ),
    }
}

/// The login's own word for a second factor that nobody asked for.
pub(super) fn warn_of_mfa(path: &str, outcome: &mut Outcome) {
    if let Outcome::Done(Answer { auth: Some(_), warnings, .. }) = outcome
        && path.ends_with("/login")
    {
        warnings.push("Found MFA header but failed to find MFA Enforcement Config".to_owned());
    }
}

fn retry(mut reply: Reply, after: Duration) -> Reply {
    let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    reply
}

fn plain(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

#[cfg(test)]
mod tests;
