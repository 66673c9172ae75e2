//! What rolegate asks the API server, and what it does not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{
    stage::{Plan, Stage},
    support::{
        eventually,
        kube::{KubeApiserver, Signer},
        upstream::Seen,
    },
};

async fn plan() -> Plan<'static> {
    Plan::new(KubeApiserver::shared().await).await
}

#[tokio::test]
async fn with_pem_keys_a_forged_token_is_refused_without_a_call() {
    let mut plan = plan().await;
    let calls = Calls::count().await;
    plan.config()["pem_keys"] = json!([plan.api.signer.public_pem()]);
    plan.config()["kubernetes_host"] = json!(calls.url);
    let stage = plan.start().await;
    let good = stage.plan.token().await;

    let forged = Signer::new().resign(&good, |_| ());
    assert_eq!(stage.get("/orders/forged", &forged).await.status, 401);
    assert_eq!(stage.logged("/orders/forged").await["reason"], "signature");
    assert_eq!(calls.so_far(), 0);

    assert_eq!(stage.get("/orders/good", &good).await.status, 503);
    assert!(calls.so_far() > 0, "a good signature alone is not enough");
}

#[tokio::test]
async fn with_pem_keys_a_good_token_is_still_reviewed() {
    let mut plan = plan().await;
    plan.config()["pem_keys"] = json!([Signer::new().public_pem(), plan.api.signer.public_pem()]);
    let stage = plan.start().await;
    let good = stage.plan.token().await;
    Seen::of(&stage.get("/orders", &good).await);
    let orphan = stage.plan.api.signer.resign(&good, |claims| {
        claims["kubernetes.io"]["serviceaccount"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    });
    assert_eq!(stage.get("/orders/orphan", &orphan).await.status, 401);
    assert_eq!(stage.logged("/orders/orphan").await["reason"], "token_refused");
}

#[tokio::test]
async fn one_token_is_reviewed_once_for_many_who_come_together() {
    let stage = plan().await.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (client, bearer) = (stage.http2(), bearer.clone());
        callers.spawn(async move { client.get("/orders", &[("authorization", &bearer)]).await });
    }
    for answer in callers.join_all().await {
        Seen::of(&answer);
    }
    assert_eq!(stage.rolegate.metric("rolegate_reviews_total", &[]).await, 1.0);
}

/// A role for every namespace with the label `team=shop`.
async fn selecting_by_label() -> Plan<'static> {
    let mut plan = plan().await;
    let role = &mut plan.roles()["orders"];
    role.as_object_mut().unwrap().remove("bound_service_account_namespaces");
    role["bound_service_account_namespace_selector"] = json!(r#"{"matchLabels":{"team":"shop"}}"#);
    plan
}

#[tokio::test]
async fn the_namespaces_labels_decide_as_they_change() {
    let plan = selecting_by_label().await;
    let reviewer = json!({ "kind": "ServiceAccount", "namespace": plan.namespace, "name": "reviewer" });
    plan.api.bind("system:aggregate-to-view", reviewer).await;
    plan.api.label_namespace(&plan.namespace, "team", Some("shop")).await;
    let stage = plan.start().await;
    let token = stage.plan.token().await;
    let status = async || stage.get("/orders", &token).await.status.as_u16();
    eventually("allowed by its label", async || (status().await == 200).then_some(())).await;

    stage.plan.api.label_namespace(&stage.plan.namespace, "team", Some("other")).await;
    eventually("refused with another label", async || (status().await == 403).then_some(())).await;
    assert_eq!(stage.get("/orders/label", &token).await.status, 403);
    assert_eq!(stage.logged("/orders/label").await["reason"], "namespace");

    stage.plan.api.label_namespace(&stage.plan.namespace, "team", Some("shop")).await;
    eventually("allowed again", async || (status().await == 200).then_some(())).await;
}

#[tokio::test]
async fn a_reviewer_that_may_not_read_namespaces_leaves_the_request_undecided() {
    let stage = selecting_by_label().await.start().await;
    let token = stage.plan.token().await;
    let answer = stage.get("/orders/labels", &token).await;
    assert_eq!(answer.status, 503);
    assert_undecided(&stage, "/orders/labels", "reviewer_refused").await;
}

async fn assert_undecided(stage: &Stage<'_>, path: &str, reason: &str) {
    let logged = stage.logged(path).await;
    assert_eq!((&logged["outcome"], &logged["reason"]), (&json!("undecided"), &json!(reason)));
}

/// An address that takes connections, closes them without a word and counts them.
struct Calls {
    url: String,
    count: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Calls {
    async fn count() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let count = Arc::<AtomicUsize>::default();
        let seen = count.clone();
        let server = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                seen.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { url, count, _server: AbortOnDropHandle::new(server) }
    }

    fn so_far(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}
