//! A home cluster that does not answer, and one that does not answer to rolegate.

use serde_json::Value;

use crate::stage::{Stage, role};
use crate::support::eventually;
use crate::support::kube::KubeApiserver;

const ORDERS: &str = "auth/kubernetes/role/orders";

#[tokio::test]
async fn while_the_api_server_is_away_nobody_can_tell_and_nothing_changes() {
    let api = KubeApiserver::start().await;
    let stage = Stage::start(&api).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    // Nothing of this one is remembered.
    let late = stage.account(&[(&["*"], "*", &[])]).await;
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);
    api.stop();

    let said = stage.ask(&late.token, "POST", ORDERS, role("")).await;
    assert!(said.0.header("retry-after").is_some(), "{said:?}");
    assert_eq!(said.refused(503), "the Kubernetes API server does not answer, try again");
    // Who it is may be remembered, but not that this right is there.
    let said = stage.ask(&admin.token, "POST", ORDERS, role("")).await;
    assert!(said.0.header("retry-after").is_some(), "{said:?}");
    said.is(503);
    stage.root("GET", ORDERS, Value::Null).await.is(404);
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert!(ready.status == 200 && ready.text().contains("home cluster"), "{}", ready.text());
    stage.rolegate.wait_for_log("\"outcome\":\"undecided\"").await;

    api.restart().await;
    stage.ask(&late.token, "POST", ORDERS, role("")).await.is(204);
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert!(!ready.text().contains("home cluster"), "{}", ready.text());
}

#[tokio::test]
async fn a_rolegate_that_may_not_ask_lets_nobody_administer_and_says_why() {
    let stage = Stage::start_as(KubeApiserver::shared().await, false).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(403);
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert!(ready.text().contains("home cluster"), "{}", ready.text());
    stage.api.allow_reviews(&stage.namespace, "rolegate").await;
    eventually("rolegate may ask", async || {
        let said = stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await;
        (said.0.status == 200).then_some(())
    })
    .await;
}
