//! The keys that a real API server publishes.

use serde_json::{Value, json};

use super::{
    stage::{Plan, Stage},
    support::{
        eventually,
        kube::{KubeApiserver, REVIEWER, Signer},
        upstream::Seen,
    },
};

async fn plan() -> Plan<'static> {
    Plan::new(KubeApiserver::shared().await).await
}

impl Stage<'_> {
    async fn reviews(&self) -> f64 {
        self.rolegate.metric("rolegate_reviews_total", &[]).await
    }
}

#[tokio::test]
async fn a_forged_token_is_refused_without_a_review_by_a_reviewer_with_no_more_rights_than_reviews() {
    let stage = plan().await.start().await;
    stage.keys_are("read").await;
    let good = stage.plan.token().await;
    let forged = Signer::new().resign(&good, |_| ());
    assert_eq!(stage.get("/orders/forged", &forged).await.status, 401);
    assert_eq!(stage.logged("/orders/forged").await["reason"], "signature");
    assert_eq!(stage.reviews().await, 0.0);

    Seen::of(&stage.get("/orders", &good).await);
    let orphan = stage.plan.api.signer.resign(&good, |claims| {
        claims["kubernetes.io"]["serviceaccount"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    });
    assert_eq!(stage.get("/orders/orphan", &orphan).await.status, 401);
    assert_eq!(stage.logged("/orders/orphan").await["reason"], "token_refused", "a signature is not enough");
    assert_eq!(stage.reviews().await, 2.0);
}

#[tokio::test]
async fn a_reviewer_that_may_not_read_the_keys_is_told_and_every_token_is_reviewed() {
    let mut plan = plan().await;
    plan.api.allow_reviews_of_user(REVIEWER).await;
    plan.config()["token_reviewer_jwt"] = json!(plan.api.token_of_user(REVIEWER));
    let stage = plan.start().await;
    stage.keys_are("unusable").await;
    let readiness: Value = stage.rolegate.ops_get("/readyz").await.json();
    let trouble = readiness["details"]["mount kubernetes local keys"].as_str().unwrap();
    assert!(trouble.contains("status 403"), "{trouble}");
    let good = stage.plan.token().await;
    let forged = Signer::new().resign(&good, |_| ());
    assert_eq!(stage.get("/orders/forged", &forged).await.status, 401);
    assert_eq!(stage.logged("/orders/forged").await["reason"], "token_refused");
    Seen::of(&stage.get("/orders", &good).await);
    assert_eq!(stage.reviews().await, 2.0);
}

#[tokio::test]
async fn switched_off_they_are_not_read() {
    let mut plan = plan().await;
    plan.server["review"] = json!({ "local_keys": "off" });
    let stage = plan.start().await;
    let good = stage.plan.token().await;
    let forged = Signer::new().resign(&good, |_| ());
    assert_eq!(stage.get("/orders/forged", &forged).await.status, 401);
    assert_eq!(stage.logged("/orders/forged").await["reason"], "token_refused");
    let metrics = stage.rolegate.ops_get("/metrics").await.text();
    assert!(!metrics.contains("rolegate_local_keys{"), "{metrics}");
}

#[tokio::test]
async fn a_mount_that_comes_while_rolegate_runs_has_its_keys_read_before_its_first_token() {
    let mut plan = plan().await;
    let mounts = plan.store["mounts"].take();
    plan.store["mounts"] = json!({});
    let mut stage = plan.start().await;
    stage.plan.store["mounts"] = mounts;
    stage.plan.write_store();
    stage.keys_are("read").await;
    assert_eq!(stage.reviews().await, 0.0);
    let forged = Signer::new().resign(&stage.plan.token().await, |_| ());
    eventually("the forged token is refused by its signature", async || {
        let answer = stage.get("/orders/forged", &forged).await;
        (answer.status == 401 && stage.reviews().await == 0.0).then_some(())
    })
    .await;
}
