//! The requests that an API server gets.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::client::Body;

use super::error::AskError;
use crate::core::identity::VerifiedIdentity;
use crate::core::secret::Secret;
use crate::ports::ReviewQuery;

/// The largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("rolegate/", env!("CARGO_PKG_VERSION")));

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

/// Asks for a TokenReview (Kubernetes `authentication.k8s.io/v1`).
pub(super) async fn review(
    client: &kube::Client,
    bearer: HeaderValue,
    question: &Question,
) -> Result<(StatusCode, Bytes), AskError> {
    let audiences = &question.audiences;
    let spec = TokenReviewSpec {
        token: Some(question.token.expose().to_owned()),
        audiences: (!audiences.is_empty()).then(|| audiences.clone()),
    };
    let body = serde_json::to_vec(&TokenReview { spec, ..TokenReview::default() })
        .map_err(|error| AskError::Unreachable(error.into()))?;
    let request = Request::post("/apis/authentication.k8s.io/v1/tokenreviews").header(CONTENT_TYPE, JSON);
    send(client, request, bearer, body).await
}

/// Asks for a namespace. Its name is a DNS label, which needs no escape in a path.
pub(super) async fn namespace(
    client: &kube::Client,
    bearer: HeaderValue,
    name: &str,
) -> Result<(StatusCode, Bytes), AskError> {
    send(client, Request::get(format!("/api/v1/namespaces/{name}")), bearer, Vec::new()).await
}

/// Asks for a service account. Its names are DNS names, which need no escape in a path.
pub(super) async fn service_account(
    client: &kube::Client,
    bearer: HeaderValue,
    account: &VerifiedIdentity,
) -> Result<(StatusCode, Bytes), AskError> {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", account.namespace(), account.name());
    send(client, Request::get(path), bearer, Vec::new()).await
}

/// Sends a request and reads the whole answer, whatever its status.
async fn send(
    client: &kube::Client,
    request: http::request::Builder,
    bearer: HeaderValue,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes), AskError> {
    let request = request
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, JSON)
        .header(USER_AGENT, AGENT)
        .body(Body::from(body))
        .map_err(|error| AskError::Unreachable(error.into()))?;
    let response = client.send(request).await.map_err(unreachable)?;
    let status = response.status();
    match Limited::new(response.into_body(), MAX_ANSWER).collect().await {
        Ok(body) => Ok((status, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(AskError::TooLarge(MAX_ANSWER)),
        Err(error) => Err(AskError::Unreachable(error)),
    }
}

/// What lies below kube's own words.
fn unreachable(error: kube::Error) -> AskError {
    AskError::Unreachable(match error {
        kube::Error::Service(cause) => cause,
        kube::Error::HyperError(cause) => cause.into(),
        other => other.into(),
    })
}
