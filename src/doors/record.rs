//! One record and one count of every decision, whichever door made it.

use std::time::Duration;

use super::decision_id::DecisionId;
use crate::gate::{Decision, Outcome};
use crate::metrics::Metrics;

/// Writes decisions down.
#[derive(Debug, Clone)]
pub struct Recorder {
    metrics: Metrics,
}

impl Recorder {
    /// A recorder that counts in these metrics.
    pub const fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }

    /// Counts a decision and logs it: allows at level debug, denials at info, the undecided at warn.
    ///
    /// `roles` is what was asked for, where that is known; it is only called where it is written down.
    pub fn record(
        &self,
        door: &'static str,
        id: &DecisionId,
        decision: &Decision,
        took: Duration,
        roles: impl FnOnce() -> String,
    ) {
        let (outcome, reason) = (decision.outcome.name(), decision.outcome.reason());
        self.metrics.decision(door, decision.mount.as_ref(), outcome, reason, took);
        let mount = decision.mount.as_deref().unwrap_or("unknown");
        let decision_id = std::str::from_utf8(id).unwrap_or_default();
        match &decision.outcome {
            Outcome::Allow(grant) => {
                let identity = grant.identity();
                tracing::debug!(
                    door,
                    decision_id,
                    outcome,
                    reason,
                    mount,
                    role = grant.role().name,
                    ?identity,
                    "decided"
                );
            }
            Outcome::Deny(_) => {
                tracing::info!(door, decision_id, outcome, reason, mount, roles = roles(), "decided");
            }
            Outcome::Undecided(_) => {
                tracing::warn!(door, decision_id, outcome, reason, mount, roles = roles(), "decided");
            }
        }
    }
}
