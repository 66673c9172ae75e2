//! An API server that is gone, and definitions that are not there yet.

use serde_json::{Value, json};

use super::stage::{Stage, apply_definitions};
use super::support::eventually;
use super::support::kube::KubeApiserver;
use super::writes::{fill, role};

#[tokio::test]
async fn without_the_api_server_the_last_set_serves_and_writes_are_refused_until_it_is_back() {
    let api = KubeApiserver::start().await;
    let stage = Stage::new(&api).await;
    let replica = stage.ready_replica().await;
    fill(&stage, &replica).await;
    api.stop();
    let sentence = eventually("readiness tells it", async || {
        let answer = replica.rolegate.ops_get("/readyz").await;
        assert_eq!(answer.status, 200);
        answer.json::<Value>()["troubles"]["store"].as_str().map(str::to_owned)
    })
    .await;
    assert!(sentence.contains("API server"), "{sentence}");
    let (status, known) = replica.root("GET", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!(status, 200, "{known}");
    let (status, answer) = replica.root("POST", "auth/kubernetes/role/new", role(&stage)).await;
    assert_eq!(status, 503, "{answer}");
    let (status, answer) = replica.root("DELETE", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!(status, 503, "{answer}");
    assert_eq!(replica.root("GET", "auth/kubernetes/role/new", Value::Null).await.0, 404);
    assert_eq!(
        replica.root("GET", "auth/kubernetes/role/orders", Value::Null).await.1["data"],
        known["data"]
    );
    eventually("the age of the feed grows", async || {
        let age = replica.rolegate.metric("rolegate_feed_age_seconds", &["feed=\"store\""]).await;
        (age > 1.0).then_some(())
    })
    .await;

    api.restart().await;
    replica.rolegate.wait_for_log("the store is heard again").await;
    let ready = replica.rolegate.ops_get("/readyz").await.json::<Value>();
    assert_eq!(ready["troubles"]["store"], Value::Null, "{ready}");
    replica.write("auth/kubernetes/role/new", role(&stage)).await;
    replica.logs_in_with("kubernetes", "new", &stage.token().await, 200).await;
}

#[tokio::test]
async fn what_changed_while_the_api_server_was_hanging_is_enforced_afterwards() {
    let api = KubeApiserver::start().await;
    let stage = Stage::new(&api).await;
    let (one, other) = (stage.ready_replica().await, stage.ready_replica().await);
    fill(&stage, &one).await;
    let jwt = stage.token().await;
    other.logs_in_with("kubernetes", "orders", &jwt, 200).await;
    api.hang().await;
    other.rolegate.wait_for_log("the store is not heard").await;
    api.go_on();
    // It may take a moment to be itself again.
    eventually("the role is deleted", async || {
        (one.root("DELETE", "auth/kubernetes/role/orders", Value::Null).await.0 == 204).then_some(())
    })
    .await;
    other.logs_in_with("kubernetes", "orders", &jwt, 400).await;
}

#[tokio::test]
async fn without_the_definitions_it_is_not_ready_and_says_what_to_apply() {
    let api = KubeApiserver::start().await;
    let stage = Stage::bare(&api).await;
    let replica = stage.replica().await;
    let line = replica.rolegate.wait_for_log("rolegate crd").await;
    assert!(line.contains("Gate"), "{line}");
    let answer = replica.rolegate.ops_get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json::<Value>()["pending"], json!(["store"]));
    assert_eq!(replica.root("GET", "sys/auth", Value::Null).await.0, 503);
    apply_definitions(&api).await;
    replica.is_ready().await;
    fill(&stage, &replica).await;
    assert_eq!(replica.login("kubernetes", "orders", &stage.token().await).await, 200);
}

#[tokio::test]
async fn what_may_be_listed_and_not_watched_serves_and_is_told_of_until_it_may() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    fill(&stage, &stage.ready_replica().await).await;
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let rules = json!([
        rule("", &["secrets"], &["*"]),
        rule("coordination.k8s.io", &["leases"], &["*"]),
        rule("rolegate.dev", &["gatemounts", "gateroles"], &["list", "watch"]),
        rule("rolegate.dev", &["gatepolicies"], &["list"]),
    ]);
    let (api, namespace) = (stage.api, &stage.namespace);
    api.service_account(namespace, "bound").await;
    api.allow(namespace, namespace, "bound", rules).await;
    let replica = stage.replica_as(&api.token(namespace, "bound", &[], 3600).await).await;
    replica.is_ready().await;
    replica.rolegate.wait_for_log("does not let rolegate list and watch GatePolicy").await;
    let ready = replica.rolegate.ops_get("/readyz").await;
    let trouble = &ready.json::<Value>()["troubles"]["store"];
    assert!(ready.status == 200 && trouble.to_string().contains("GatePolicy"), "{trouble}");

    // The other kinds are watched all the same.
    let jwt = stage.token().await;
    assert_eq!(replica.login("kubernetes", "orders", &jwt).await, 200);
    stage.delete("GateRole", "kubernetes.orders").await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 400).await;

    let right = json!([rule("rolegate.dev", &["gatepolicies"], &["watch"])]);
    api.allow(namespace, namespace, "bound", right).await;
    replica.rolegate.wait_for_log("the store is heard again").await;
}

#[tokio::test]
async fn what_a_killed_replica_has_acknowledged_is_there() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (one, other) = (stage.ready_replica().await, stage.ready_replica().await);
    fill(&stage, &one).await;
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        let name = format!("r{number}");
        one.write(&format!("auth/kubernetes/role/{name}"), role(&stage)).await;
        acknowledged.push(name);
    }
    let last = one.try_root("POST", "auth/kubernetes/role/last", role(&stage));
    let kill = async {
        eventually("the last write is under way", async || {
            stage.names("GateRole").await.contains(&"kubernetes.last".to_owned()).then_some(())
        })
        .await;
        one.rolegate.process.kill();
    };
    if let (Ok((204, _)), ()) = tokio::join!(last, kill) {
        acknowledged.push("last".to_owned());
    }
    for name in &acknowledged {
        eventually(format!("the other replica knows {name}"), async || {
            let path = format!("auth/kubernetes/role/{name}");
            (other.root("GET", &path, Value::Null).await.0 == 200).then_some(())
        })
        .await;
    }
    let again = stage.ready_replica().await;
    let (_, list) = again.root("LIST", "auth/kubernetes/role", Value::Null).await;
    let keys = list["data"]["keys"].as_array().unwrap();
    assert!(acknowledged.iter().all(|name| keys.contains(&json!(name))), "{list}");
}

#[tokio::test]
async fn a_start_without_the_api_server_is_a_start_that_is_not_ready_yet() {
    let api = KubeApiserver::start().await;
    let stage = Stage::new(&api).await;
    let filled = stage.ready_replica().await;
    fill(&stage, &filled).await;
    let jwt = stage.token().await;
    api.stop();
    let replica = stage.replica().await;
    let answer = replica.rolegate.ops_get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json::<Value>()["pending"], json!(["store"]));
    assert_eq!(replica.login("kubernetes", "orders", &jwt).await, 503);
    api.restart().await;
    replica.is_ready().await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 200).await;
    replica.write("auth/kubernetes/role/new", role(&stage)).await;
    replica.rolegate.signal("TERM");
    assert!(replica.rolegate.wait_exit().await.success());
}
