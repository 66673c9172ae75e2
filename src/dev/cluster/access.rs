//! Who asks, and what they may do.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::UserInfo;

use super::action::Action;
use super::tokens::BearerError;
use super::{Cluster, ISSUER, Refusal};
use crate::core::secret::Secret;

const ADMIN: &str = "kubernetes-admin";
const REVIEWER: &str = "rolegate-reviewer";
const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";

/// Lets through whom the cluster knows and who may do it: 401, then 403, then whether there is such a thing.
pub(super) async fn guard(State(cluster): State<Cluster>, request: Request, next: Next) -> Response {
    let bearer = bearer(request.headers());
    let user = bearer.and_then(|bearer| cluster.authenticate(bearer.expose(), &[ISSUER.to_owned()]).ok());
    let Some((user, _)) = user else { return Refusal::unauthorized().into_response() };
    let action = Action::of(request.method(), request.uri().path());
    let username = user.username.as_deref().unwrap_or_default();
    if !allowed(username, user.groups.as_deref().unwrap_or_default(), &action) {
        return Refusal::forbidden(format!("forbidden: User \"{username}\" cannot {action}")).into_response();
    }
    next.run(request).await
}

/// Everything to the administrators; reviews and namespaces to the reviewer; discovery to all who are known.
pub(super) fn allowed(user: &str, groups: &[String], action: &Action<'_>) -> bool {
    if user == ADMIN || groups.iter().any(|group| group == MASTERS) {
        return true;
    }
    match action {
        Action::Resource { verb, group, resource, .. } if user == REVIEWER => matches!(
            (*verb, *group, resource.as_str()),
            ("create", "authentication.k8s.io", "tokenreviews")
                | ("create", "authorization.k8s.io", "subjectaccessreviews")
                | ("get" | "list", "", "namespaces")
        ),
        Action::Resource { .. } => false,
        Action::Path { verb, path } => {
            let discovery =
                matches!(*path, "/api" | "/apis") || path.starts_with("/api/") || path.starts_with("/apis/");
            *verb == "get" && discovery && groups.iter().any(|group| group == AUTHENTICATED)
        }
    }
}

impl Cluster {
    /// Who a bearer stands for, and which of the wanted audiences it has. The static bearers have every audience of
    /// the cluster's own.
    pub(super) fn authenticate(
        &self,
        bearer: &str,
        wanted: &[String],
    ) -> Result<(UserInfo, Vec<String>), BearerError> {
        let (username, group) = if same(bearer, &self.0.admin) {
            (ADMIN, Some(MASTERS))
        } else if same(bearer, &self.0.reviewer) {
            (REVIEWER, None)
        } else {
            return self.redeem(bearer, wanted);
        };
        if !wanted.iter().any(|audience| audience == ISSUER) {
            return Err(BearerError::Audience(vec![ISSUER.to_owned()], wanted.to_vec()));
        }
        let groups = group.into_iter().chain([AUTHENTICATED]).map(str::to_owned).collect();
        let user =
            UserInfo { username: Some(username.to_owned()), groups: Some(groups), ..UserInfo::default() };
        Ok((user, vec![ISSUER.to_owned()]))
    }
}

fn same(bearer: &str, known: &Secret) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(bearer.as_bytes(), known.expose().as_bytes()).is_ok()
}

/// The bearer of a request (RFC 6750 section 2.1), or a Basic password in its place: kubectl sends no bearer over
/// plain HTTP, but what the URL in its kubeconfig says.
fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, credential) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credential.to_owned().into());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(credential).ok())??;
    Some(std::str::from_utf8(&pair).ok()?.split_once(':')?.1.to_owned().into())
}

/// A kubeconfig whose only user is the administrator: the bearer is in the URL for kubectl, and where other clients
/// look for it.
pub(super) fn kubeconfig(url: &str, token: &str) -> String {
    let server = url.replacen("http://", &format!("http://{ADMIN}:{token}@"), 1);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: rolegate-dev
  cluster:
    server: \"{server}\"
users:
- name: {ADMIN}
  user:
    token: \"{token}\"
contexts:
- name: rolegate-dev
  context:
    cluster: rolegate-dev
    user: {ADMIN}
current-context: rolegate-dev
"
    )
}
