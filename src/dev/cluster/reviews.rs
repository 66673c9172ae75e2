//! TokenRequest, TokenReview and SubjectAccessReview.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use k8s_openapi::Resource;
use k8s_openapi::api::authentication::v1::{
    TokenRequest, TokenRequestSpec, TokenRequestStatus, TokenReview, TokenReviewSpec, TokenReviewStatus,
};
use k8s_openapi::api::authorization::v1::{
    SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::access::allowed;
use super::action::Action;
use super::body::Body;
use super::objects::time;
use super::{Cluster, ISSUER, Refusal};

/// What a TokenRequest lives that does not say, in seconds (Kubernetes' default).
const DEFAULT_SECONDS: i64 = 3600;

type Created<T> = Result<(StatusCode, Json<T>), Refusal>;

/// The part of a review that the caller fills in; clients send an empty `status` beside it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked<S> {
    api_version: Option<String>,
    kind: Option<String>,
    spec: S,
}

impl<S> Asked<S> {
    /// The spec, if the body is of the kind that its path takes or does not say.
    fn spec_of<T: Resource>(self) -> Result<S, Refusal> {
        let is =
            |given: Option<String>, own: &str| given.is_none_or(|given| given.is_empty() || given == own);
        if is(self.api_version, T::API_VERSION) && is(self.kind, T::KIND) {
            return Ok(self.spec);
        }
        Err(Refusal::bad_request(format!("a {} {} is expected here", T::API_VERSION, T::KIND)))
    }
}

pub(super) async fn token_request(
    State(cluster): State<Cluster>,
    Path((namespace, name)): Path<(String, String)>,
    Body(asked): Body<Asked<TokenRequestSpec>>,
) -> Created<TokenRequest> {
    let spec = asked.spec_of::<TokenRequest>()?;
    if spec.bound_object_ref.is_some() {
        let message =
            "the stand-in cluster binds tokens to service accounts only, `boundObjectRef` is not done";
        return Err(Refusal::bad_request(message));
    }
    let seconds = spec.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
    let issued = cluster.issue(&namespace, &name, &spec.audiences, seconds)?;
    let no_time = || Refusal::internal("the token's expiry is beyond the calendar");
    let answer = TokenRequest {
        metadata: ObjectMeta {
            creation_timestamp: time(cluster.now()),
            name: Some(name),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        spec: TokenRequestSpec {
            audiences: issued.audiences,
            bound_object_ref: None,
            expiration_seconds: Some(seconds),
        },
        status: Some(TokenRequestStatus {
            expiration_timestamp: time(issued.expires).ok_or_else(no_time)?,
            token: issued.token.expose().to_owned(),
        }),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn token_review(
    State(cluster): State<Cluster>,
    Body(asked): Body<Asked<TokenReviewSpec>>,
) -> Created<TokenReview> {
    let spec = asked.spec_of::<TokenReview>()?;
    let token = spec.token.as_deref().filter(|token| !token.is_empty());
    let token =
        token.ok_or_else(|| Refusal::bad_request("token is required for TokenReview in authentication"))?;
    let wanted = spec.audiences.clone().filter(|audiences| !audiences.is_empty());
    let status = match cluster.authenticate(token, &wanted.unwrap_or_else(|| vec![ISSUER.to_owned()])) {
        Ok((user, audiences)) => TokenReviewStatus {
            authenticated: Some(true),
            user: Some(user),
            audiences: Some(audiences),
            error: None,
        },
        Err(error) => TokenReviewStatus {
            authenticated: Some(false),
            error: Some(error.to_string()),
            ..TokenReviewStatus::default()
        },
    };
    let answer = TokenReview { metadata: ObjectMeta::default(), spec, status: Some(status) };
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn subject_access_review(
    Body(asked): Body<Asked<SubjectAccessReviewSpec>>,
) -> Created<SubjectAccessReview> {
    let spec = asked.spec_of::<SubjectAccessReview>()?;
    let user = spec.user.as_deref().unwrap_or_default();
    let groups = spec.groups.as_deref().unwrap_or_default();
    if user.is_empty() && groups.is_empty() {
        return Err(invalid(
            "spec.user",
            "Invalid value: \"\": at least one of user or group must be specified",
        ));
    }
    let action = match (&spec.resource_attributes, &spec.non_resource_attributes) {
        (Some(wanted), None) => {
            let resource = wanted.resource.clone().unwrap_or_default();
            let subresource = wanted.subresource.as_deref().filter(|sub| !sub.is_empty());
            Action::Resource {
                verb: wanted.verb.as_deref().unwrap_or_default(),
                group: wanted.group.as_deref().unwrap_or_default(),
                resource: subresource.map_or_else(|| resource.clone(), |sub| format!("{resource}/{sub}")),
                namespace: wanted.namespace.as_deref().unwrap_or_default(),
                name: wanted.name.as_deref().unwrap_or_default(),
            }
        }
        (None, Some(wanted)) => Action::Path {
            verb: wanted.verb.as_deref().unwrap_or_default(),
            path: wanted.path.as_deref().unwrap_or_default(),
        },
        _ => {
            return Err(invalid(
                "spec",
                "exactly one of resourceAttributes and nonResourceAttributes must be given",
            ));
        }
    };
    let allowed = allowed(user, groups, &action);
    let reason =
        (!allowed).then(|| format!("the stand-in cluster lets nobody but its administrators {action}"));
    let status = SubjectAccessReviewStatus { allowed, reason, ..SubjectAccessReviewStatus::default() };
    let answer = SubjectAccessReview { metadata: ObjectMeta::default(), spec, status: Some(status) };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn invalid(field: &str, fault: &str) -> Refusal {
    Refusal::invalid("authorization.k8s.io", "SubjectAccessReview", "", field, fault)
}
