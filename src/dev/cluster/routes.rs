//! The paths, and who may reach them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};

use super::{Cluster, Refusal, access, discovery, resources, reviews};
use crate::core::token::MAX_TOKEN_BYTES;

/// The largest namespace or service account, in bytes; many of them are kept.
const MAX_OBJECT_BYTES: usize = 16 * 1024;
/// The largest review, in bytes: a token and what is asked about it.
const MAX_REVIEW_BYTES: usize = MAX_TOKEN_BYTES + 64 * 1024;

/// Version, health and OpenID metadata for everybody; the rest behind [`access::guard`].
pub(super) fn router(cluster: Cluster) -> Router {
    let guarded = objects()
        .merge(reviews())
        .route("/api", get(discovery::core_versions))
        .route("/api/v1", get(discovery::core_resources))
        .route("/apis", get(discovery::groups))
        .route("/apis/{group}", get(discovery::group))
        .route("/apis/{group}/v1", get(discovery::group_resources))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .fallback(async || Refusal::no_such_path())
        .layer(from_fn_with_state(cluster.clone(), access::guard));
    let open = Router::new()
        .route("/version", get(discovery::version))
        .route("/livez", get(discovery::health))
        .route("/readyz", get(discovery::health))
        .route("/openid/v1/jwks", get(discovery::key_set))
        .route("/.well-known/openid-configuration", get(discovery::openid_configuration))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed());
    guarded.merge(open).with_state(cluster)
}

fn objects() -> Router<Cluster> {
    use resources::{create, delete, get, list};
    let namespaces = axum::routing::get(list::<Namespace>).post(create::<Namespace>);
    let namespace = axum::routing::get(get::<Namespace>).delete(delete::<Namespace>);
    let accounts = axum::routing::get(list::<ServiceAccount>).post(create::<ServiceAccount>);
    let account = axum::routing::get(get::<ServiceAccount>).delete(delete::<ServiceAccount>);
    Router::new()
        .route("/api/v1/namespaces", namespaces)
        .route("/api/v1/namespaces/{name}", namespace)
        .route("/api/v1/serviceaccounts", axum::routing::get(list::<ServiceAccount>))
        .route("/api/v1/namespaces/{namespace}/serviceaccounts", accounts)
        .route("/api/v1/namespaces/{namespace}/serviceaccounts/{name}", account)
        .layer(DefaultBodyLimit::max(MAX_OBJECT_BYTES))
}

fn reviews() -> Router<Cluster> {
    Router::new()
        .route("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", post(reviews::token_request))
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(reviews::token_review))
        .route("/apis/authorization.k8s.io/v1/subjectaccessreviews", post(reviews::subject_access_review))
        .layer(DefaultBodyLimit::max(MAX_REVIEW_BYTES))
}
