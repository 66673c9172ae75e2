//! What Istio is told: its own files agree with each other, and Envoy takes what the EnvoyFilter puts in.

use serde_json::{Map, Value, json};

use super::{
    kustomize::{build, documents, find, kind},
    support::{
        envoy::{Envoy, demo, replace},
        http::Client,
        upstream::{Seen, Upstream},
    },
};

/// The fields of `EnvoyExternalAuthorizationGrpcProvider` in istio.io/api v1.31.4, mesh/v1alpha1/config.proto.
const PROVIDER: [&str; 7] = [
    "service",
    "port",
    "timeout",
    "failOpen",
    "clearRouteCache",
    "statusOnError",
    "includeRequestBodyInCheck",
];

#[test]
fn the_mesh_asks_the_service_of_the_overlay_under_the_policys_name_and_fails_closed() {
    let objects = build("istio");
    let mesh = documents(&kind().join("istio/mesh-config.yaml")).remove(0);
    let provider = &mesh["meshConfig"]["extensionProviders"][0];
    let grpc = provider["envoyExtAuthzGrpc"].as_object().unwrap();

    assert_eq!(
        find(&objects, "AuthorizationPolicy", "rolegate")["spec"]["provider"]["name"],
        provider["name"]
    );
    let service = find(&objects, "Service", "rolegate-check");
    assert_eq!(grpc["service"], "rolegate-check.rolegate.svc.cluster.local");
    assert_eq!(grpc["port"], service["spec"]["ports"][0]["port"]);
    assert_eq!(service["spec"].get("clusterIP"), None, "a headless service has no cluster to ask");
    assert_eq!(grpc["failOpen"], false);
    let unknown: Vec<&String> = grpc.keys().filter(|key| !PROVIDER.contains(&key.as_str())).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    assert_eq!(
        mesh["meshConfig"]["pathNormalization"],
        json!({ "normalization": "DECODE_AND_MERGE_SLASHES" })
    );
}

#[tokio::test]
async fn the_filter_takes_identity_headers_out_at_the_real_envoy() {
    let upstream = Upstream::start().await;
    let mut yaml = demo(([127, 0, 0, 1], 1).into(), Some(upstream.address));
    // The demo without its own protection, so that only the filter's is left.
    let prefix = "key_matcher: { prefix: x-rolegate- }";
    replace(&mut yaml, prefix, "key_matcher: { prefix: x-nothing- }", 1);
    replace(&mut yaml, "headers_with_underscores_action: REJECT_REQUEST", "", 1);
    let mut config = super::kustomize::parse(&yaml).remove(0);
    let objects = build("istio");
    let spec = &find(&objects, "EnvoyFilter", "rolegate-identity-headers")["spec"];
    let patch = &spec["configPatches"][0]["patch"];
    assert_eq!(patch["operation"], "MERGE");
    let filter = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    merge(filter, &patch["value"]);
    let envoy = Envoy::start(&config.to_string()).await;
    let client = Client::http1(envoy.listener("front"));

    let seen = Seen::of(&client.get("/public", &[("x-rolegate-role", "admin"), ("x-other", "kept")]).await);
    assert_eq!(seen.values("x-rolegate-role"), Vec::<&str>::new());
    assert_eq!(seen.values("x-other"), ["kept"]);
    assert_eq!(client.get("/public", &[("x_rolegate_role", "admin")]).await.status, 400);
}

/// As protobuf messages are merged: messages by field, lists one after the other.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => merge_fields(into, from),
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

fn merge_fields(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match into.get_mut(key) {
            Some(place) => merge(place, value),
            None => drop(into.insert(key.clone(), value.clone())),
        }
    }
}
