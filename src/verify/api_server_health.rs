//! What is wrong with a mount's API server: in `/readyz`, and one log line for each change.

use std::sync::{Mutex, PoisonError};

use super::error::AskError;
use crate::core::reason::Undecided;
use crate::errors::with_causes;
use crate::health::Health;

/// The state of one mount's questions of one kind.
#[derive(Debug)]
pub(super) struct ApiServerHealth {
    subject: String,
    health: Health,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Good,
    WithoutReviewer,
    Bad(Undecided),
}

impl ApiServerHealth {
    pub(super) const fn new(subject: String, health: Health) -> Self {
        Self { subject, health, state: Mutex::new(State::Unknown) }
    }

    /// An answer came.
    pub(super) fn good(&self) {
        self.change(State::Good, || {
            if self.health.recovered(&self.subject) {
                tracing::info!(subject = self.subject, "the API server answers again");
            }
        });
    }

    /// The mount has no reviewer, and this is what comes of it.
    pub(super) fn without_reviewer(&self, sentence: &'static str) {
        self.change(State::WithoutReviewer, || {
            self.health.trouble(&self.subject, sentence);
            tracing::warn!(subject = self.subject, "{sentence}");
        });
    }

    /// No usable answer came.
    pub(super) fn bad(&self, error: &AskError, undecided: Undecided) {
        self.change(State::Bad(undecided), || {
            let cause = with_causes(error);
            self.health.trouble(&self.subject, &cause);
            tracing::warn!(subject = self.subject, reason = undecided.name(), %cause, "no usable answer");
        });
    }

    /// The mount is gone.
    pub(super) fn forget(&self) {
        self.change(State::Unknown, || {
            self.health.recovered(&self.subject);
        });
    }

    fn change(&self, to: State, tell: impl FnOnce()) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != to {
            *state = to;
            tell();
        }
    }
}
