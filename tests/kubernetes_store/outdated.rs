//! Writes of a replica that hears nothing any more, over what others have changed since.

use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use rolegate::catalog::Snapshots;
use rolegate::health::Health;
use rolegate::lifecycle::Readiness;
use rolegate::metrics::Metrics;
use rolegate::ports::store::{Change, Expect, Key, Kind, Store, StoreError};
use rolegate::store::kubernetes::{KubernetesStore, World};
use rolegate::store::memory::MemoryStore;
use serde_json::{Value, json};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use super::objects::laxer_definitions;
use super::stage::Stage;
use super::support::eventually;
use super::support::kube::KubeApiserver;

const ALLOWS: &str = r#"path "a" { capabilities = ["read"] }"#;

/// A store that has published what is there, and follows nothing from then on.
async fn deaf(stage: &Stage<'_>) -> Arc<dyn Store> {
    let snapshots = Snapshots::default();
    let world = World {
        snapshots: snapshots.clone(),
        health: Health::default(),
        metrics: Metrics::default(),
        pending: Readiness::default().pending("store"),
        identity: "deaf".to_owned(),
        kept: Arc::new(MemoryStore::default()),
        known: Arc::new(SetOnce::new_with(Some(()))),
    };
    let KubernetesStore { store, tasks, .. } =
        KubernetesStore::open(&stage.api.client(), &stage.namespace, world);
    let stop = CancellationToken::new();
    let running = tokio::spawn(tasks.run(stop.clone()));
    eventually("a set is published", async || snapshots.load().map(drop)).await;
    stop.cancel();
    running.await.unwrap();
    store
}

async fn write(store: &Arc<dyn Store>, name: &str) -> Result<(), StoreError> {
    store.commit(vec![Change::put(Key::new(Kind::Policy, name), Expect::Any, ALLOWS)]).await
}

/// A policy without a text, which the laxer definitions let be.
async fn unreadable(stage: &Stage<'_>, object: &str, claims: &str) {
    let policy = json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": "GatePolicy",
                         "metadata": { "name": object }, "spec": { "policyName": claims } });
    let params = PatchParams::apply("kubectl").force();
    eventually("the API server takes a policy without a text", async || {
        stage.objects("GatePolicy").patch(object, &params, &Patch::Apply(&policy)).await.ok()
    })
    .await;
}

async fn spec(stage: &Stage<'_>, object: &str) -> Value {
    stage.objects("GatePolicy").get(object).await.unwrap().data["spec"].clone()
}

#[tokio::test]
async fn what_cannot_be_read_and_was_not_seen_is_told_of_and_not_written_over() {
    let api = KubeApiserver::start().await;
    let stage = Stage::new(&api).await;
    laxer_definitions(&api).await;
    stage.apply("GatePolicy", "mine", json!({ "spec": { "policyName": "mine", "rules": ALLOWS } })).await;
    let store = deaf(&stage).await;

    unreadable(&stage, "mine", "mine").await;
    let refused = write(&store, "mine").await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(spec(&stage, "mine").await, json!({ "policyName": "mine" }));

    // Another's under the name that a new object would have.
    unreadable(&stage, "new", "other").await;
    write(&store, "new").await.unwrap();
    assert_eq!(spec(&stage, "new").await, json!({ "policyName": "other" }));
    let mut claims = Vec::new();
    for name in stage.names("GatePolicy").await {
        claims.push(spec(&stage, &name).await["policyName"].clone());
    }
    claims.sort_by_key(ToString::to_string);
    assert_eq!(claims, ["mine", "new", "other"]);
}
