//! Without the rights, and when they are granted.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::stage::{HOME, Stage};
use super::support::eventually;
use super::support::kube::KubeApiserver;

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_noticed_when_it_is_granted() {
    let api = KubeApiserver::shared().await;
    let own = api.namespace(&[]).await;
    api.service_account(&own, "rolegate").await;
    let bearer = api.token(&own, "rolegate", &[], 3600).await;
    let stage = Stage::as_user(api, &bearer, api.address().port()).await;
    for resource in ["serviceaccounts", "secrets", "pods"] {
        let sentence = format!("rolegate may not list and watch {resource} in all namespaces");
        let line = stage.rolegate.wait_for_log(&sentence).await;
        assert!(line.contains("review.cache.ttl"), "{line}");
    }
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert_eq!(ready.status, 200);
    let troubles = ready.json::<Value>()["troubles"].clone();
    for resource in ["serviceaccounts", "secrets", "pods"] {
        let sentence = troubles[format!("revocation by {resource}")].as_str().expect("a trouble");
        assert!(sentence.contains("may not list and watch"), "{sentence}");
    }
    assert_eq!(stage.rolegate.metric("rolegate_revocation_watched", &[]).await, 0.0);
    // A right that not everybody needs.
    stage.rolegate.wait_for_log("rolegate may not list and watch namespaces").await;
    assert!(troubles.get("watch of namespaces").is_none(), "{troubles}");
    assert_eq!(stage.rolegate.metric("rolegate_namespaces_watched", &[]).await, 0.0);

    let (orders, uid) = stage.account("orders").await;
    stage.remembered(HOME, &orders).await;
    let of_accounts =
        |verb: &str| json!([{ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": [verb] }]);
    grant(api, &own, "list", of_accounts("list")).await;
    stage.rolegate.wait_for_log("\"listed\"").await;
    let failures =
        async || stage.rolegate.metric("rolegate_feed_failures_total", &["feed=\"service_accounts\""]).await;
    let before = failures().await;
    eventually("more attempts fail", async || (failures().await > before + 1.0).then_some(())).await;
    assert_eq!(stage.rolegate.metric("rolegate_revocation_watched", &[]).await, 0.0, "it may not watch");
    grant(api, &own, "watch", of_accounts("watch")).await;
    stage.hears("serviceaccounts").await;
    let told = stage.rolegate.process.stderr.all();
    let told = told.iter().filter(|line| line.contains("rolegate may not list and watch serviceaccounts"));
    assert_eq!(told.count(), 1, "it is told once");
    let troubles = stage.rolegate.ops_get("/readyz").await.json::<Value>()["troubles"].clone();
    assert!(troubles.get("revocation by serviceaccounts").is_none(), "{troubles}");
    assert!(troubles.get("revocation by pods").is_some(), "{troubles}");
    stage.delete::<ServiceAccount>("orders").await;
    stage.is_reviewed_anew(&orders, &uid).await;

    grant(api, &own, "component", rules_of_the_component("revocation-by-watch")).await;
    grant(api, &own, "selectors", rules_of_the_component("namespace-selectors")).await;
    stage.hears("pods").await;
    stage.hears("secrets").await;
    stage.watches_namespaces().await;
    let troubles = stage.rolegate.ops_get("/readyz").await.json::<Value>()["troubles"].clone();
    assert_eq!(troubles, json!({}));
}

/// Lets the service account `rolegate` of that namespace do what these rules say in all of the cluster.
async fn grant(api: &KubeApiserver, namespace: &str, name: &str, rules: Value) {
    let name = format!("{namespace}-{name}");
    let role = serde_json::from_value(json!({ "metadata": { "name": name }, "rules": rules })).unwrap();
    Api::<ClusterRole>::all(api.client()).create(&PostParams::default(), &role).await.unwrap();
    api.bind(&name, json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "rolegate" })).await;
}

/// What the manifests give.
fn rules_of_the_component(name: &str) -> Value {
    let file = format!("{}/kind/components/{name}/rbac.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let role: Value = serde_saphyr::from_str(text.split("\n---\n").next().unwrap()).unwrap();
    assert_eq!(role["kind"], "ClusterRole");
    role["rules"].clone()
}
