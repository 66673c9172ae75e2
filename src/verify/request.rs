//! The requests that an API server gets.

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, StatusCode, request};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};

use super::error::AskError;
use crate::core::identity::VerifiedIdentity;
use crate::core::secret::Secret;
use crate::exchange;
use crate::ports::ReviewQuery;

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
    let request = Request::post("/apis/authentication.k8s.io/v1/tokenreviews");
    let question = TokenReview { spec, ..TokenReview::default() };
    Ok(exchange::post(client, asked_by(request, bearer), &question).await?)
}

/// Asks for a namespace. Its name is a DNS label, which needs no escape in a path.
pub(super) async fn namespace(
    client: &kube::Client,
    bearer: HeaderValue,
    name: &str,
) -> Result<(StatusCode, Bytes), AskError> {
    let request = Request::get(format!("/api/v1/namespaces/{name}"));
    Ok(exchange::get(client, asked_by(request, bearer)).await?)
}

/// Asks for a service account. Its names are DNS names, which need no escape in a path.
pub(super) async fn service_account(
    client: &kube::Client,
    bearer: HeaderValue,
    account: &VerifiedIdentity,
) -> Result<(StatusCode, Bytes), AskError> {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", account.namespace(), account.name());
    Ok(exchange::get(client, asked_by(Request::get(path), bearer)).await?)
}

/// With the bearer, and under our name.
fn asked_by(request: request::Builder, bearer: HeaderValue) -> request::Builder {
    request.header(AUTHORIZATION, bearer).header(USER_AGENT, AGENT)
}
