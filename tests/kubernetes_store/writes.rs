//! Writes of the Vault door: custom resources, seen by every replica.

use serde_json::{Value, json};

use super::stage::{Replica, Stage};
use super::support::eventually;
use super::support::kube::KubeApiserver;

/// A mount `kubernetes` with a role `orders`, written at the Vault door.
pub(crate) async fn fill(stage: &Stage<'_>, replica: &Replica) {
    replica.write("sys/auth/kubernetes", json!({ "type": "kubernetes" })).await;
    replica.write("auth/kubernetes/config", stage.config().await).await;
    replica.write("auth/kubernetes/role/orders", role(stage)).await;
}

pub(crate) fn role(stage: &Stage<'_>) -> Value {
    json!({
        "bound_service_account_names": "orders",
        "bound_service_account_namespaces": stage.namespace,
        "token_type": "batch",
    })
}

#[tokio::test]
async fn a_role_written_at_one_replica_is_enforced_at_the_other_and_is_a_gate_role() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (one, other) = (stage.ready_replica().await, stage.ready_replica().await);
    fill(&stage, &one).await;
    let jwt = stage.token().await;
    assert_eq!(one.login("kubernetes", "orders", &jwt).await, 200, "a writer reads its own writes");
    other.logs_in_with("kubernetes", "orders", &jwt, 200).await;
    assert_eq!(stage.names("GateMount").await.len(), 1);
    assert_eq!(stage.names("GateRole").await.len(), 1);
    assert_eq!(stage.names("Secret").await.len(), 1, "the reviewer's token");

    let (status, answer) = one.root("DELETE", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!(status, 204, "{answer}");
    assert_ne!(one.login("kubernetes", "orders", &jwt).await, 200);
    other.logs_in_with("kubernetes", "orders", &jwt, 400).await;
    assert!(stage.names("GateRole").await.is_empty());
}

#[tokio::test]
async fn a_new_reviewer_comes_with_a_new_secret_and_the_old_one_goes() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let replica = stage.ready_replica().await;
    fill(&stage, &replica).await;
    let before = stage.names("Secret").await;
    replica.write("auth/kubernetes/config", stage.config().await).await;
    assert_eq!(stage.names("Secret").await, before, "the same token stays where it is");
    let mut config = stage.config().await;
    config["token_reviewer_jwt"] = stage.new_reviewer().await.into();
    replica.write("auth/kubernetes/config", config).await;
    replica.write("auth/kubernetes/role/orders", role(&stage)).await;
    assert_eq!(replica.login("kubernetes", "orders", &stage.token().await).await, 200);
    let after = stage.names("Secret").await;
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(after, before);
    let (_, config) = replica.root("GET", "auth/kubernetes/config", Value::Null).await;
    assert_eq!(config["data"]["token_reviewer_jwt_set"], true, "{config}");
    let (status, _) = replica.root("DELETE", "sys/auth/kubernetes", Value::Null).await;
    assert_eq!(status, 204);
    for kind in ["GateMount", "GateRole", "Secret"] {
        assert_eq!(stage.names(kind).await, [""; 0], "{kind}");
    }
}

#[tokio::test]
async fn writes_of_two_replicas_to_one_role_are_both_there_or_told() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (one, other) = (stage.ready_replica().await, stage.ready_replica().await);
    fill(&stage, &one).await;
    eventually("the other replica knows the role", async || {
        (other.root("GET", "auth/kubernetes/role/orders", Value::Null).await.0 == 200).then_some(())
    })
    .await;
    for round in 1..=10 {
        let ttl = json!({ "token_ttl": round });
        let max = json!({ "token_max_ttl": 1000 + round });
        let (ttl, max) = tokio::join!(
            one.root("POST", "auth/kubernetes/role/orders", ttl),
            other.root("POST", "auth/kubernetes/role/orders", max),
        );
        let (_, role) = one.root("GET", "auth/kubernetes/role/orders", Value::Null).await;
        let role = &role["data"];
        for ((status, answer), field, value) in
            [(ttl, "token_ttl", round), (max, "token_max_ttl", 1000 + round)]
        {
            match status {
                200 | 204 => {
                    eventually(format!("{field} is {value}, as acknowledged: {role}"), async || {
                        let (_, role) = one.root("GET", "auth/kubernetes/role/orders", Value::Null).await;
                        (role["data"][field] == value).then_some(())
                    })
                    .await
                }
                503 => {}
                status => panic!("{status} {answer}"),
            }
        }
    }
}

#[tokio::test]
async fn what_the_api_server_does_not_take_is_400_in_words() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let replica = stage.ready_replica().await;
    // A name in the Vault door's eyes, and longer than the definition lets one be.
    let path = format!("sys/policies/acl/{}", "a".repeat(600));
    let (status, answer) = replica.root("POST", &path, json!({ "policy": "path \"a\" { }" })).await;
    let error = answer["errors"][0].as_str().unwrap_or_default();
    assert_eq!(status, 400, "{error}");
    assert!(error.contains("the API server refuses it: ") && error.contains("spec.policyName"), "{error}");
    assert!(error.len() < 1000, "{} bytes", error.len());
    assert_eq!(stage.names("GatePolicy").await, [""; 0]);
}
