//! The `kubernetes` store of a process: what it is opened with, and what runs while it is used.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use crate::app::{Shared, StartError, root_token};
use crate::core::secret::Secret;
use crate::doors::vault::ClusterId;
use crate::errors::with_causes;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::store::Store;
use crate::store::kubernetes::tokens::KubernetesTokens;
use crate::store::kubernetes::{Tasks, World};
use crate::tokens::Tokens;

/// Between two attempts to keep what a start needs.
const PAUSE: Duration = Duration::from_secs(1);

/// What the store is given of this process.
pub(super) fn world(
    shared: &Shared,
    kept: Arc<dyn Store>,
    known: &Arc<SetOnce<()>>,
) -> Result<World, StartError> {
    let mut random = [0; 4];
    shared.random.fill(&mut random)?;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "rolegate" } else { host.trim() };
    Ok(World {
        snapshots: shared.snapshots.clone(),
        health: shared.health.clone(),
        metrics: shared.metrics.clone(),
        pending: shared.readiness.pending("store"),
        identity: format!("{host}-{:08x}", u32::from_ne_bytes(random)),
        kept,
        known: Arc::clone(known),
    })
}

/// What runs while the store is used. The API server need not be there when it begins.
#[derive(Debug)]
pub(in crate::app) struct InKubernetes {
    logins: KubernetesTokens,
    declared: Tasks,
    tokens: Arc<Tokens>,
    known: Arc<SetOnce<()>>,
    cluster_id: Option<ClusterId>,
    root: Option<Secret>,
    health: Health,
    metrics: Metrics,
}

impl InKubernetes {
    pub(super) fn new(
        shared: &Shared,
        logins: KubernetesTokens,
        declared: Tasks,
        tokens: Arc<Tokens>,
        known: Arc<SetOnce<()>>,
    ) -> Self {
        let (health, metrics) = (shared.health.clone(), shared.metrics.clone());
        Self { logins, declared, tokens, known, cluster_id: None, root: None, health, metrics }
    }

    /// Puts the server's id here as soon as the API server has it.
    pub(in crate::app) fn know_cluster(&mut self, cluster_id: ClusterId) {
        self.cluster_id = Some(cluster_id);
    }

    /// Keeps this root token as soon as the API server takes it.
    pub(in crate::app) fn keep_root(&mut self, token: Secret) {
        self.root = Some(token);
    }

    /// Until it is asked to stop. Client tokens and declarations are listed at the same time; the first are known before
    /// any mount is, and so before anything is answered.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self { logins, declared, tokens, known, cluster_id, root, health, metrics } = self;
        let kept = async {
            let following = logins.follow(health.clone(), metrics).await;
            let first = async {
                if let Some(root) = &root {
                    retried("root token", &health, || root_token::keep(&tokens, root)).await;
                }
                // Nobody else sets it.
                let _first = known.set(());
            };
            // Nobody waits for it: who may not write Secrets serves all the same.
            let named = async {
                if let Some(cell) = cluster_id {
                    let id = retried("cluster id", &health, || tokens.cluster_id()).await;
                    let _first = cell.set(id);
                }
            };
            tokio::join!(following.run(stop.clone()), first, named);
        };
        tokio::join!(stop.run_until_cancelled(kept), declared.run(stop.clone()));
    }
}

/// Tries until the API server has taken it; `what` health and the log call it.
async fn retried<T, E, F>(what: &'static str, health: &Health, attempt: impl Fn() -> F) -> T
where
    E: std::error::Error,
    F: Future<Output = Result<T, E>>,
{
    loop {
        match attempt().await {
            Ok(kept) => {
                health.recovered(what);
                return kept;
            }
            Err(error) => {
                let cause = with_causes(&error);
                if health.trouble(what, &cause) {
                    tracing::error!(cause, "the {what} is not kept yet");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
