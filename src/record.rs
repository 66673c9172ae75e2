//! One record and one count of every decision, whichever door made it.

pub mod decision_id;

use std::time::Duration;

use crate::core::secret;
use crate::gate::{Decision, MAX_ROLES, Outcome};
use crate::metrics::Metrics;
use decision_id::DecisionId;

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
                let identity = grant.identity().map(tracing::field::debug);
                tracing::debug!(
                    door,
                    decision_id,
                    outcome,
                    reason,
                    mount,
                    role = grant.role().name,
                    identity,
                    "decided"
                );
            }
            Outcome::Deny(_) => {
                let roles = shown(&roles());
                tracing::info!(door, decision_id, outcome, reason, mount, roles, "decided");
            }
            Outcome::Undecided(_) => {
                let roles = shown(&roles());
                tracing::warn!(door, decision_id, outcome, reason, mount, roles, "decided");
            }
        }
    }
}

/// The roles as the log shows them: a stranger may name as many as he likes, at any length, and somebody else his token.
fn shown(roles: &str) -> String {
    let mut names: Vec<&str> = roles.split(',').take(MAX_ROLES + 1).map(secret::shown).collect();
    if let Some(more) = names.get_mut(MAX_ROLES) {
        *more = "…";
    }
    names.join(",")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::Recorder;
    use crate::core::reason::{Deny, Undecided};
    use crate::gate::tests::script;
    use crate::gate::{Decision, Outcome};
    use crate::metrics::Metrics;
    use crate::record::decision_id::DecisionIds;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The one line that a decision leaves in the log.
    fn logged(outcome: Outcome, roles: &str) -> serde_json::Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let decision = Decision { mount: Some("kubernetes".into()), outcome };
        tracing::subscriber::with_default(subscriber, || {
            let id = DecisionIds::new(7).next();
            let roles = || roles.to_owned();
            Recorder::new(Metrics::default()).record("envoy", &id, &decision, Duration::ZERO, roles);
        });
        serde_json::from_slice(&lines.0.lock().unwrap()).expect("one line of JSON")
    }

    #[test]
    fn a_decision_leaves_one_line_with_its_id_outcome_and_reason() {
        let grant = script::grant("kubernetes", script::role("orders"), script::confirmed());
        for (outcome, level, name, reason) in [
            (Outcome::Allow(grant), "DEBUG", "allow", "allowed"),
            (Outcome::Deny(Deny::Expired), "INFO", "deny", "expired"),
            (Outcome::Undecided(Undecided::Deadline), "WARN", "undecided", "deadline"),
        ] {
            let allowed = matches!(outcome, Outcome::Allow(_));
            let mut expected = serde_json::json!({
                "level": level, "target": "rolegate::record", "message": "decided", "door": "envoy",
                "decision_id": "00000000000000070000000000000000",
                "outcome": name, "reason": reason, "mount": "kubernetes",
            });
            if allowed {
                expected["role"] = "orders".into();
                expected["identity"] = "shop/orders (u-1)".into();
            } else {
                expected["roles"] = "orders,billing".into();
            }
            assert_eq!(logged(outcome, "orders,billing"), expected);
        }
    }

    #[test]
    fn neither_a_token_in_the_place_of_a_role_is_written_down_nor_all_that_a_stranger_asks_for() {
        for (asked, written) in [
            ("a,b,c,d,e,f,g,h", "a,b,c,d,e,f,g,h"),
            (&"a,".repeat(1 << 20), "a,a,a,a,a,a,a,a,…"),
            (&"a".repeat(1 << 20), "…"),
            ("orders,hvs.AAAAAAAAAAAAAAAAAAAA", "orders,…"),
        ] {
            assert_eq!(logged(Outcome::Deny(Deny::UnknownRole), asked)["roles"], written);
        }
    }
}
