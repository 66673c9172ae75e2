//! One record and one count of every decision, whichever door made it.

pub mod decision_id;

use std::time::Duration;

use crate::core::secret;
use crate::gate::{Decision, MAX_ROLES, Outcome};
use crate::metrics::Metrics;
use decision_id::DecisionId;

/// The line of a decision that is no allow: the fields named, and the check that failed with what it saw and expected. The
/// account is `account` where the API server has confirmed it, `unverified_account` where only the token says so.
macro_rules! with_failure {
    ($level:ident, $decision:ident, $($field:ident),*) => {{
        let failure = $decision.failure.as_deref();
        let check = failure.map(|failure| &failure.check);
        let account = |verified| {
            let account = failure.and_then(|failure| failure.account.as_ref());
            account.filter(|account| account.verified == verified).map(|account| account.text.as_str())
        };
        tracing::$level!(
            $($field,)*
            role = failure.and_then(|failure| failure.role.as_deref()).map(secret::shown),
            check = check.map(|check| check.name.name()),
            saw = check.map(|check| check.saw.as_str()),
            expected = check.map(|check| check.expected.as_str()),
            account = account(true),
            unverified_account = account(false),
            "decided"
        );
    }};
}

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

    /// Counts a decision and logs it: allows at level debug, denials at info, the undecided at warn, both with the check
    /// that failed.
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
                with_failure!(info, decision, door, decision_id, outcome, reason, mount, roles);
            }
            Outcome::Undecided(_) => {
                let roles = shown(&roles());
                with_failure!(warn, decision, door, decision_id, outcome, reason, mount, roles);
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
    use crate::core::decision::{Account, CheckName, Details, Failure};
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
        logged_with(None, outcome, roles)
    }

    fn logged_with(failure: Option<Failure>, outcome: Outcome, roles: &str) -> serde_json::Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let failure = failure.map(Box::new);
        let decision = Decision { failure, ..Decision::new(Some("kubernetes".into()), outcome) };
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

    #[test]
    fn a_denial_names_the_failed_check_what_it_saw_and_the_account_marked_where_it_is_unverified() {
        for (verified, field) in [(true, "account"), (false, "unverified_account")] {
            let details = Details { saw: "shop".to_owned(), expected: "warehouse".to_owned(), verified };
            let failure = Failure {
                role: Some("orders".to_owned()),
                check: details.of_check(CheckName::Namespace, Some(false)),
                account: Some(Account { text: "shop/orders".to_owned(), verified }),
            };
            let line = logged_with(Some(failure), Outcome::Deny(Deny::Namespace), "orders,billing");
            let mut expected = serde_json::json!({
                "level": "INFO", "target": "rolegate::record", "message": "decided", "door": "envoy",
                "decision_id": "00000000000000070000000000000000", "outcome": "deny", "reason": "namespace",
                "mount": "kubernetes", "roles": "orders,billing", "role": "orders",
                "check": "namespace", "saw": "shop", "expected": "warehouse",
            });
            expected[field] = "shop/orders".into();
            assert_eq!(line, expected);
        }
    }
}
