//! The line that each administration by a Kubernetes user leaves in the log.

use std::sync::Arc;

use crate::core::reason::{Deny, Undecided};
use crate::ports::administrators::{Right, User};
use crate::vault::outcome::Outcome;

/// What is known of one administration so far.
#[derive(Debug)]
pub(in crate::vault) struct Entry {
    pub(super) user: Option<Arc<User>>,
    pub(super) right: Option<Right>,
    pub(super) step: Step,
}

/// How far it came.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The request itself is not good.
    Invalid,
    /// The token is not taken.
    Refused(Deny),
    /// The table has no line for it.
    Unmapped,
    /// The cluster's RBAC does not allow it.
    Denied,
    /// Nobody can tell.
    Undecided(Undecided),
    /// The cluster's RBAC allows it.
    Allowed,
}

impl Entry {
    pub(in crate::vault) const fn new() -> Self {
        Self { user: None, right: None, step: Step::Invalid }
    }

    /// Logs it under the request's id. The object is named where RBAC has allowed it: what a stranger calls an object may
    /// be a token that went astray.
    pub(in crate::vault) fn write(&self, request_id: &str, outcome: &Outcome) {
        let user = self.user.as_deref().map(|user| user.name.as_str());
        let verb = self.right.as_ref().map(|right| right.verb.name());
        let resource = self.right.as_ref().map(|right| right.resource.name());
        let (word, reason) = match (self.step, outcome) {
            (Step::Undecided(undecided), _) => ("undecided", Some(undecided.name())),
            (Step::Refused(deny), _) => ("refused", Some(deny.name())),
            (Step::Unmapped, _) => ("unmapped", None),
            (Step::Denied, _) => ("denied", None),
            (Step::Allowed, Outcome::Done(_)) => ("done", None),
            (Step::Allowed | Step::Invalid, _) => ("failed", None),
        };
        if matches!(self.step, Step::Undecided(_)) {
            tracing::warn!(request_id, user, verb, resource, outcome = word, reason, "administration");
        } else {
            let allowed = self.right.as_ref().filter(|_| matches!(self.step, Step::Allowed));
            let object = allowed.map(|right| right.object.as_str());
            tracing::info!(
                request_id,
                user,
                verb,
                resource,
                object,
                outcome = word,
                reason,
                "administration"
            );
        }
    }
}
