//! What the gate has decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::decision::Failure;
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::mount::Mount;
use crate::core::reason::{Deny, Undecided};
use crate::core::role::Role;

/// What was decided.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The mount that was asked, where there is one.
    pub mount: Option<Arc<str>>,
    /// Allow, deny or undecided.
    pub outcome: Outcome,
    /// Which check failed and what it saw, for the log; none for an allow, and where no check was made.
    pub failure: Option<Box<Failure>>,
}

impl Decision {
    /// A decision of which no check is known.
    pub const fn new(mount: Option<Arc<str>>, outcome: Outcome) -> Self {
        Self { mount, outcome, failure: None }
    }
}

/// Three different things, kept apart down to the wire.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The holder may act in the role.
    Allow(Grant),
    /// Refused.
    Deny(Deny),
    /// Nobody can tell.
    Undecided(Undecided),
}

impl Outcome {
    /// `allow`, `deny` or `undecided`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Deny(_) => "deny",
            Self::Undecided(_) => "undecided",
        }
    }

    /// The reason's name; `allowed` for an allow.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allowed",
            Self::Deny(deny) => deny.name(),
            Self::Undecided(undecided) => undecided.name(),
        }
    }
}

/// Who may act as what. Made by the gate alone.
#[derive(Debug, Clone)]
pub struct Grant {
    mount: Arc<Mount>,
    role: Arc<Role>,
    // Kept only when confirmed, so that the identity is always there.
    review: Arc<Review>,
    labels: Option<Arc<BTreeMap<String, String>>>,
}

impl Grant {
    pub(super) fn new(mount: &Arc<Mount>, role: &Arc<Role>, review: &Arc<Review>) -> Self {
        Self { mount: Arc::clone(mount), role: Arc::clone(role), review: Arc::clone(review), labels: None }
    }

    pub(super) fn with_labels(self, labels: Option<Arc<BTreeMap<String, String>>>) -> Self {
        Self { labels, ..self }
    }

    /// The labels of the namespace, where the role's selector has admitted it by them.
    pub const fn labels(&self) -> Option<&Arc<BTreeMap<String, String>>> {
        self.labels.as_ref()
    }

    /// The same with an equal review, of which there is one for all.
    #[must_use]
    pub fn with_review(self, review: Arc<Review>) -> Self {
        if *self.review == *review { Self { review, ..self } } else { self }
    }

    /// The mount that confirmed the identity.
    pub const fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }

    /// The role that admits it.
    pub const fn role(&self) -> &Arc<Role> {
        &self.role
    }

    /// The review that stands behind it.
    pub const fn review(&self) -> &Arc<Review> {
        &self.review
    }

    /// The service account; none only for a review that refused, which no grant holds.
    pub fn identity(&self) -> Option<&VerifiedIdentity> {
        self.review.identity()
    }
}
