//! The two questions: whose token it is (TokenReview), and whether that user may (SubjectAccessReview).

use std::error::Error;
use std::time::Duration;

use http::{Request, StatusCode};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::client_token::TokenDigest;
use crate::core::reason::Undecided;
use crate::exchange::{self, ExchangeError, MAX_ANSWER};
use crate::ports::administrators::{AUDIENCE, GROUP, Right, User};

/// What went wrong between a question and a usable answer. For logs and readiness; holds no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the home cluster's API server cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("the home cluster's API server gave no answer within {0:?}")]
    TimedOut(Duration),
    #[error("the home cluster's API server refuses reviews of rolegate's own user with status {0}")]
    Refused(StatusCode),
    #[error("the home cluster's API server answers with status {0}")]
    Status(StatusCode),
    #[error("the home cluster's API server answers with more than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("the home cluster's API server does not answer with a review")]
    Unexpected,
}

impl AskError {
    /// What the asker is told.
    pub(super) const fn undecided(&self) -> Undecided {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => Undecided::ApiServerUnreachable,
            Self::Refused(_) => Undecided::ReviewerRefused,
            Self::Status(_) | Self::TooLarge | Self::Unexpected => Undecided::ApiServerError,
        }
    }
}

/// Whose token it is; none where it is nobody's, or not for rolegate.
pub(super) async fn who(
    client: &kube::Client,
    token: &str,
    digest: TokenDigest,
) -> Result<Option<User>, AskError> {
    let audiences = Some(vec![AUDIENCE.to_owned()]);
    let review = TokenReview {
        spec: TokenReviewSpec { token: Some(token.to_owned()), audiences },
        ..TokenReview::default()
    };
    let answer: TokenReview = send(client, "/apis/authentication.k8s.io/v1/tokenreviews", &review).await?;
    Ok(user(answer.status.ok_or(AskError::Unexpected)?, digest))
}

/// The user of a review that takes the token for rolegate.
fn user(status: TokenReviewStatus, token: TokenDigest) -> Option<User> {
    let is_ours = status.audiences.unwrap_or_default().iter().any(|audience| audience == AUDIENCE);
    let is_known = status.authenticated == Some(true) && status.error.is_none_or(|error| error.is_empty());
    let user = status.user.filter(|_| is_ours && is_known)?;
    Some(User {
        token,
        name: user.username.filter(|name| !name.is_empty())?,
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    })
}

/// Whether the user may do this in the namespace.
pub(super) async fn may(
    client: &kube::Client,
    namespace: &str,
    user: &User,
    right: &Right,
) -> Result<bool, AskError> {
    let attributes = ResourceAttributes {
        verb: Some(right.verb.name().to_owned()),
        group: Some(GROUP.to_owned()),
        resource: Some(right.resource.name().to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(right.object.clone()).filter(|name| !name.is_empty()),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: Some(user.uid.clone()).filter(|uid| !uid.is_empty()),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer: SubjectAccessReview = send(client, path, &review).await?;
    answer.status.map(allows).ok_or(AskError::Unexpected)
}

fn allows(status: SubjectAccessReviewStatus) -> bool {
    status.allowed && status.denied != Some(true)
}

/// Sends a question and reads its answer.
async fn send<T: Serialize + DeserializeOwned + Sync>(
    client: &kube::Client,
    path: &str,
    question: &T,
) -> Result<T, AskError> {
    let (status, body) = exchange::post(client, Request::post(path), question).await?;
    match status {
        StatusCode::OK | StatusCode::CREATED => {
            serde_json::from_slice(&body).map_err(|_| AskError::Unexpected)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(AskError::Refused(status)),
        status => Err(AskError::Status(status)),
    }
}

impl From<ExchangeError> for AskError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Unreachable(cause) => Self::Unreachable(cause),
            ExchangeError::TooLarge => Self::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::authentication::v1::{TokenReviewStatus, UserInfo};
    use k8s_openapi::api::authorization::v1::SubjectAccessReviewStatus;

    use super::{TokenDigest, allows, user};

    fn reviewed() -> TokenReviewStatus {
        TokenReviewStatus {
            authenticated: Some(true),
            audiences: Some(vec!["other".to_owned(), "rolegate".to_owned()]),
            error: None,
            user: Some(UserInfo { username: Some("ann".to_owned()), ..UserInfo::default() }),
        }
    }

    #[test]
    fn a_token_is_somebodys_where_the_review_says_so_for_our_audience_without_an_error() {
        let name = |status| user(status, TokenDigest::of("t")).map(|user| user.name);
        assert_eq!(name(reviewed()).as_deref(), Some("ann"));
        let nobody = Some(UserInfo { username: Some(String::new()), ..UserInfo::default() });
        for status in [
            TokenReviewStatus { authenticated: Some(false), ..reviewed() },
            TokenReviewStatus { authenticated: None, ..reviewed() },
            TokenReviewStatus { audiences: None, ..reviewed() },
            TokenReviewStatus { audiences: Some(vec!["other".to_owned()]), ..reviewed() },
            TokenReviewStatus { error: Some("no".to_owned()), ..reviewed() },
            TokenReviewStatus { user: None, ..reviewed() },
            TokenReviewStatus { user: nobody, ..reviewed() },
            TokenReviewStatus::default(),
        ] {
            assert_eq!(name(status.clone()), None, "{status:?}");
        }
    }

    #[test]
    fn an_explicit_denial_counts_whatever_else_is_said() {
        let status = |allowed, denied| SubjectAccessReviewStatus {
            allowed,
            denied,
            ..SubjectAccessReviewStatus::default()
        };
        for (allowed, denied, may) in [
            (true, None, true),
            (true, Some(false), true),
            (true, Some(true), false),
            (false, None, false),
            (false, Some(false), false),
        ] {
            assert_eq!(allows(status(allowed, denied)), may);
        }
    }
}
