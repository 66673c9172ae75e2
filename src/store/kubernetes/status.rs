//! Status conditions: what became of each object, written by the replica that holds the Lease.

mod conditions;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use super::feed::{Objects, Seen};
use super::lead::Lead;
use super::resources::{GateMount, GatePolicy, GateRole, Status};
use super::write::Object;
use crate::errors::with_causes;
use crate::ports::store::StoreError;
use conditions::next;

/// How many statuses are written at once.
const AT_ONCE: usize = 16;

/// How long the API server may take over one of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes the status of every object that says something else than what is so.
pub(super) struct StatusWriter {
    client: Client,
    namespace: String,
    seen: watch::Receiver<Arc<Seen>>,
    lead: Lead,
}

impl std::fmt::Debug for StatusWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StatusWriter").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl StatusWriter {
    pub(super) fn new(client: Client, namespace: &str, seen: watch::Receiver<Arc<Seen>>, lead: Lead) -> Self {
        Self { client, namespace: namespace.to_owned(), seen, lead }
    }

    /// Until it is asked to stop. Every round goes by what the feed has seen last, so that a write that fails is made
    /// up for by the next one.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.lead.changed() => {}
                changed = self.seen.changed() => if changed.is_err() { return },
            }
            if self.lead.leads() {
                let seen = Arc::clone(&self.seen.borrow_and_update());
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.round(&seen) => {}
                }
            }
        }
    }

    async fn round(&self, seen: &Seen) {
        self.write::<GateMount>(&seen.mounts, |mount| mount.status.as_ref(), seen).await;
        self.write::<GateRole>(&seen.roles, |role| role.status.as_ref(), seen).await;
        self.write::<GatePolicy>(&seen.policies, |policy| policy.status.as_ref(), seen).await;
    }

    async fn write<K: Object>(&self, objects: &Objects<K>, status: fn(&K) -> Option<&Status>, seen: &Seen) {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let now = Timestamp::now();
        let due = objects.values().filter_map(|object| {
            let verdict = seen.verdicts.get(object.meta().uid.as_deref()?)?;
            // Another generation has a verdict of its own to come.
            let current = verdict.object.generation == object.meta().generation;
            let next = next(status(object), verdict, now).filter(|_| current)?;
            Some((Arc::clone(object), next))
        });
        stream::iter(due.collect::<Vec<_>>())
            .for_each_concurrent(AT_ONCE, |(object, next)| patch(&api, object, next))
            .await;
    }
}

/// Writes one status, unless somebody has changed the object since it was seen.
async fn patch<K: Object>(api: &Api<K>, object: Arc<K>, status: Status) {
    let name = object.meta().name.as_deref().unwrap_or_default();
    let patch = Patch::Merge(json!({
        "metadata": { "resourceVersion": object.meta().resource_version, "uid": object.meta().uid },
        "status": status,
    }));
    let params = PatchParams { field_manager: Some("rolegate".to_owned()), ..PatchParams::default() };
    let asking = Asking { patience: PATIENCE, is_open: true };
    match asking.change(api.patch_status(name, &params, &patch)).await {
        // After a conflict its successor is on its way here.
        Ok(_) | Err(StoreError::Conflict) => {}
        Err(error) => tracing::warn!(name, error = with_causes(&error), "a status could not be written"),
    }
}
