//! Every manifest, applied to the real API server and read back.

use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    kustomize::{self, build, documents, find},
};

/// The folder's objects, over the base.
async fn must_hold(folder: &str) {
    let cluster = Cluster::shared().await;
    let (base, objects) = (build("base"), build(folder));
    cluster.must_hold(&base).await;
    assert_ne!(objects, Vec::<Value>::new(), "{folder} holds nothing");
    cluster.must_hold(&objects).await;
}

#[tokio::test]
async fn the_base_is_taken_whole() {
    must_hold("").await;
}

#[tokio::test]
async fn the_gateway_is_taken_whole() {
    must_hold("gateway").await;
}

#[tokio::test]
async fn the_overlay_for_istio_is_taken_whole() {
    must_hold("istio").await;
}

#[tokio::test]
async fn the_overlay_for_envoy_gateway_is_taken_whole() {
    must_hold("envoy-gateway").await;
}

#[tokio::test]
async fn the_components_are_taken_whole() {
    for component in ["namespace-selectors", "alias-metadata", "revocation-by-watch", "service-monitor"] {
        must_hold(&format!("components/{component}")).await;
    }
}

#[tokio::test]
async fn the_examples_are_taken_whole() {
    must_hold("examples").await;
    must_hold("test").await;
}

#[tokio::test]
async fn a_field_that_no_api_server_knows_is_found() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.api.namespace(&[]).await;
    let mut deployment = find(&build("base"), "Deployment", "rolegate").clone();
    deployment["metadata"]["namespace"] = json!(namespace);
    deployment["spec"]["template"]["spec"]["enableServiceLink"] = json!(false);

    let dropped = cluster.dropped_of(&deployment).await;

    assert_eq!(dropped, [".spec.template.spec.enableServiceLink: missing"]);
}

#[test]
fn every_file_of_kind_is_used_by_a_kustomization() {
    for entry in std::fs::read_dir(kustomize::kind().join("crds")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let listed = std::fs::read_to_string(kustomize::kind().join("crds/kustomization.yaml")).unwrap();
        assert!(
            name == "kustomization.yaml" || listed.contains(&format!("- {name}\n")),
            "{name} is not listed"
        );
    }
    let components = std::fs::read_to_string(kustomize::kind().join("kustomization.yaml")).unwrap();
    for entry in std::fs::read_dir(kustomize::kind().join("components")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(components.contains(&format!("# - components/{name}\n")), "{name} is not named");
        assert!(!documents(&entry.path().join("kustomization.yaml")).is_empty());
    }
}
