//! What an API server's answer says: exact keys, strict types, nothing guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;

use super::client::Answer;
use super::error::AskError;
use crate::core::identity::ReviewStatus;
use crate::ports::{Annotations, Labels};

const UNAUTHORIZED: [u16; 2] = [401, 403];

/// Reads the answer to a TokenReview.
pub(super) fn review(answer: &Answer) -> Result<ReviewStatus, AskError> {
    let (status, body) = (answer.status, &*answer.body);
    not_overloaded(answer)?;
    not_refused(status)?;
    if !(200..=206).contains(&status.as_u16()) {
        return Err(AskError::Status(status.as_u16()));
    }
    // Told UTF-8 once, and not for each text in it.
    match std::str::from_utf8(body).map(serde_json::from_str::<TokenReview>) {
        Ok(Ok(TokenReview { kind, status })) if kind.as_deref().is_none_or(|kind| kind == "TokenReview") => {
            Ok(status.into())
        }
        _ => Err(failure(body).unwrap_or(AskError::Unexpected("a TokenReview with a status"))),
    }
}

/// Reads the answer to a question for one namespace.
pub(super) fn labels(answer: &Answer, asked: &str) -> Result<Labels, AskError> {
    not_overloaded(answer)?;
    not_refused(answer.status)?;
    match answer.status {
        StatusCode::NOT_FOUND => return Ok(Labels::Unknown),
        StatusCode::OK => {}
        other => return Err(AskError::Status(other.as_u16())),
    }
    match serde_json::from_slice::<Named>(&answer.body) {
        Ok(Named { metadata }) if metadata.name == asked => {
            Ok(Labels::Known(Arc::new(metadata.labels.unwrap_or_default())))
        }
        _ => Err(failure(&answer.body).unwrap_or(AskError::Unexpected("the namespace that was asked for"))),
    }
}

/// Reads the answer to a question for one service account.
pub(super) fn annotations(answer: &Answer, asked: &str) -> Result<Annotations, AskError> {
    not_overloaded(answer)?;
    match answer.status {
        StatusCode::OK => {}
        other if other.is_client_error() => {
            return Ok(Annotations::Withheld(other.as_u16()));
        }
        other => return Err(AskError::Status(other.as_u16())),
    }
    match serde_json::from_slice::<Named>(&answer.body) {
        Ok(Named { metadata }) if metadata.name == asked => {
            Ok(Annotations::Known(metadata.annotations.unwrap_or_default()))
        }
        _ => {
            Err(failure(&answer.body)
                .unwrap_or(AskError::Unexpected("the service account that was asked for")))
        }
    }
}

fn not_overloaded(answer: &Answer) -> Result<(), AskError> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        Err(AskError::TooManyRequests(answer.retry_after))
    } else {
        Ok(())
    }
}

fn not_refused(status: StatusCode) -> Result<(), AskError> {
    if UNAUTHORIZED.contains(&status.as_u16()) { Err(AskError::Refused(status.as_u16())) } else { Ok(()) }
}

/// A `Status` where something else was expected.
fn failure(body: &[u8]) -> Option<AskError> {
    let Failure { code, status } = serde_json::from_slice(body).ok()?;
    let refused = status == "Failure" && UNAUTHORIZED.contains(&code);
    Some(match code {
        _ if refused => AskError::Refused(code),
        429 => AskError::TooManyRequests(None),
        _ => AskError::Status(code),
    })
}

/// `authentication.k8s.io/v1` TokenReview; null and a missing key are the same below `status`, as in Go.
#[derive(Deserialize)]
struct TokenReview {
    kind: Option<String>,
    status: TokenReviewStatus,
}

#[derive(Deserialize)]
struct TokenReviewStatus {
    authenticated: Option<bool>,
    error: Option<String>,
    user: Option<User>,
    audiences: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
struct User {
    username: Option<String>,
    uid: Option<String>,
}

impl From<TokenReviewStatus> for ReviewStatus {
    fn from(status: TokenReviewStatus) -> Self {
        let user = status.user.unwrap_or_default();
        Self {
            authenticated: status.authenticated.unwrap_or_default(),
            error: status.error.unwrap_or_default(),
            username: user.username.unwrap_or_default(),
            uid: user.uid.unwrap_or_default(),
            audiences: status.audiences.unwrap_or_default(),
        }
    }
}

/// `v1` Namespace or ServiceAccount.
#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// `v1` Status.
#[derive(Deserialize)]
struct Failure {
    status: String,
    #[serde(default)]
    code: u16,
}
