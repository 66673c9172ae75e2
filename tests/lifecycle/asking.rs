//! A server's configuration, and Checks sent without an Envoy.

use std::net::SocketAddr;

use envoy_types::pb::{
    envoy::service::auth::v3::{
        AttributeContext, CheckRequest, CheckResponse,
        attribute_context::{HttpRequest, Request},
        authorization_client::AuthorizationClient,
    },
    google::protobuf::value::Kind,
};
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::support::kube::Signer;

/// A server on free ports with nothing in its store, which stops at once.
pub(crate) fn server() -> Value {
    json!({
        "envoy": { "listen": "127.0.0.1:0" },
        "ops": { "listen": "127.0.0.1:0" },
        "store": { "type": "memory" },
        "shutdown": { "lame_duck": "0s" },
    })
}

/// A client of a plaintext door.
pub(crate) async fn client(door: SocketAddr) -> AuthorizationClient<Channel> {
    AuthorizationClient::connect(format!("http://{door}")).await.unwrap()
}

/// A request as Envoy sends it, for a role of the mount `kubernetes`.
pub(crate) fn request(token: &str, role: &str) -> CheckRequest {
    let headers = [("authorization", format!("Bearer {token}"))];
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: "/orders".to_owned(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..HttpRequest::default()
    };
    let attributes = AttributeContext {
        request: Some(Request { http: Some(http), ..Request::default() }),
        context_extensions: [("role".to_owned(), role.to_owned())].into(),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(attributes) }
}

/// The reason of an answer.
pub(crate) fn reason(answer: &CheckResponse) -> &str {
    let metadata = answer.dynamic_metadata.as_ref().expect("every answer has metadata");
    match metadata.fields.get("reason").and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(reason)) => reason,
        other => panic!("no reason: {other:?}"),
    }
}

/// A token that looks like one of the service account `name`, which no API server has issued.
pub(crate) fn look_alike(name: &str) -> String {
    Signer::new().sign(&json!({
        "iss": "https://kubernetes.default.svc.cluster.local",
        "aud": ["https://kubernetes.default.svc.cluster.local"],
        "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 4_000_000_000_u64,
        "sub": format!("system:serviceaccount:shop:{name}"),
        "kubernetes.io": {
            "namespace": "shop",
            "serviceaccount": { "name": name, "uid": "7e2a3b53-1111-4000-8000-000000000001" },
        },
    }))
}
