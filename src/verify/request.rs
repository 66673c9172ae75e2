//! The requests that an API server gets.

use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use tokio::time::Instant;

use super::client::{Answer, Client};
use super::error::AskError;
use crate::core::identity::VerifiedIdentity;
use crate::core::json::AsItIs;
use crate::core::secret::Secret;
use crate::ports::ReviewQuery;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("rolegate/", env!("CARGO_PKG_VERSION")));

const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9");

/// What a review asks, for as long as it is asked.
#[derive(Debug)]
pub(super) struct ReviewRequest {
    pub(super) token: Secret,
    pub(super) audiences: Vec<String>,
}

impl ReviewRequest {
    pub(super) fn new(query: &ReviewQuery<'_>) -> Self {
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

fn token_review(request: &ReviewRequest) -> serde_json::Result<Vec<u8>> {
    let token = request.token.expose();
    let spec = TokenReviewSpec { audiences: &request.audiences, token: AsItIs(token) };
    let review = TokenReview { api_version: "authentication.k8s.io/v1", kind: "TokenReview", spec };
    let mut json = Vec::with_capacity(token.len().saturating_add(512));
    serde_json::to_writer(&mut json, &review)?;
    Ok(json)
}

/// Asks for a TokenReview.
pub(super) async fn review(
    client: &Client,
    bearer: HeaderValue,
    request: &ReviewRequest,
    deadline: Instant,
) -> Result<Answer, AskError> {
    let json = token_review(request).map_err(|error| AskError::Local(error.into()))?;
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    client.post(path, |headers| asked_by(headers, bearer), json, deadline).await
}

/// Asks for a namespace. Its name is a DNS label, which needs no escape in a path.
pub(super) async fn namespace(
    client: &Client,
    bearer: HeaderValue,
    name: &str,
    deadline: Instant,
) -> Result<Answer, AskError> {
    let path = format!("/api/v1/namespaces/{name}");
    client.get(&path, |headers| asked_by(headers, bearer), deadline).await
}

/// Asks for a service account. Its names are DNS names, which need no escape in a path.
pub(super) async fn service_account(
    client: &Client,
    bearer: HeaderValue,
    account: &VerifiedIdentity,
    deadline: Instant,
) -> Result<Answer, AskError> {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", account.namespace(), account.name());
    client.get(&path, |headers| asked_by(headers, bearer), deadline).await
}

/// Asks for the version, as nobody: an answer of any kind is a sign of life.
pub(super) async fn version(client: &Client, deadline: Instant) -> Result<Answer, AskError> {
    client.get("/version", |headers| drop(headers.insert(USER_AGENT, AGENT)), deadline).await
}

/// Asks for the keys that sign service-account tokens. `jwks_uri` of the discovery document is not followed: it may name
/// any host.
pub(super) async fn published_keys(
    client: &Client,
    bearer: HeaderValue,
    deadline: Instant,
) -> Result<Answer, AskError> {
    let with = |headers: &mut HeaderMap| {
        asked_by(headers, bearer);
        // The only type that this path has; without it the API server answers 406.
        headers.insert(ACCEPT, JWK_SET);
    };
    client.get("/openid/v1/jwks", with, deadline).await
}

/// With the bearer, and under our name.
fn asked_by(headers: &mut HeaderMap, bearer: HeaderValue) {
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(USER_AGENT, AGENT);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ReviewRequest, token_review};

    #[test]
    fn any_token_and_any_audiences_make_one_question() {
        for token in ["ey.J.x", "", "a\"b\\c\n\u{1}", "\u{fc}", "\",\"audiences\":[\"x\"],\"token\":\""] {
            for audiences in [&[][..], &["a", "b\""]] {
                let owned = audiences.iter().map(ToString::to_string).collect();
                let request = ReviewRequest { token: token.to_owned().into(), audiences: owned };
                let mut spec = json!({ "token": token });
                if !audiences.is_empty() {
                    spec["audiences"] = json!(audiences);
                }
                let expected =
                    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec });
                let review: Value = serde_json::from_slice(&token_review(&request).unwrap()).unwrap();
                assert_eq!(review, expected, "{token:?}");
            }
        }
    }
}
