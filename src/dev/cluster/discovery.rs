//! What clients read before they ask: version, health, OpenID metadata and the lists of groups and resources.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, header};
use k8s_openapi::apimachinery::pkg::version::Info;
use serde_json::{Value, json};

use super::{Cluster, ISSUER, Refusal};

/// The groups beside the core group, each with one version and one kind that can only be created.
const GROUPS: [(&str, &str, &str); 2] = [
    ("authentication.k8s.io", "tokenreviews", "TokenReview"),
    ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
];

pub(super) async fn version() -> Json<Info> {
    Json(Info {
        major: "1".to_owned(),
        minor: "34".to_owned(),
        git_version: concat!("v1.34.0+rolegate-", env!("CARGO_PKG_VERSION")).to_owned(),
        platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        ..Info::default()
    })
}

pub(super) async fn health() -> &'static str {
    "ok"
}

pub(super) async fn key_set(State(cluster): State<Cluster>) -> Json<Value> {
    Json(json!(cluster.0.keys.set()))
}

/// OpenID Connect Discovery 1.0 section 3, as far as a service-account issuer has it.
pub(super) async fn openid_configuration(headers: HeaderMap) -> Json<Value> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let base = host.map_or_else(|| ISSUER.to_owned(), |host| format!("http://{host}"));
    Json(json!({
        "issuer": ISSUER,
        "jwks_uri": format!("{base}/openid/v1/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

pub(super) async fn core_versions() -> Json<Value> {
    Json(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
}

pub(super) async fn core_resources() -> Json<Value> {
    let verbs = ["create", "delete", "get", "list"];
    Json(json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": [
        { "name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace",
          "verbs": verbs, "shortNames": ["ns"] },
        { "name": "serviceaccounts", "singularName": "serviceaccount", "namespaced": true,
          "kind": "ServiceAccount", "verbs": verbs, "shortNames": ["sa"] },
        { "name": "serviceaccounts/token", "singularName": "", "namespaced": true, "kind": "TokenRequest",
          "group": "authentication.k8s.io", "version": "v1", "verbs": ["create"] },
    ] }))
}

pub(super) async fn groups() -> Json<Value> {
    let groups: Vec<Value> = GROUPS.iter().map(|(name, ..)| group_document(name)).collect();
    Json(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

pub(super) async fn group(Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let (name, ..) = find(&name)?;
    Ok(Json(group_document(name)))
}

pub(super) async fn group_resources(Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let (group, resource, kind) = find(&name)?;
    Ok(Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/v1"), "resources": [
            { "name": resource, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind,
              "verbs": ["create"] },
        ],
    })))
}

fn find(name: &str) -> Result<&'static (&'static str, &'static str, &'static str), Refusal> {
    GROUPS.iter().find(|(group, ..)| *group == name).ok_or_else(Refusal::no_such_path)
}

fn group_document(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({ "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version], "preferredVersion": version })
}
