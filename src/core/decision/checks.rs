//! The checks that a decision makes, for those who want to see them.

use super::Stop;
use crate::core::reason::{Deny, Undecided};

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckName {
    /// The peer's address against `token_bound_cidrs`.
    PeerAddress,
    /// That the mount is configured.
    Configuration,
    /// That there is one token and that it could be read.
    Token,
    /// `alg`.
    Algorithm,
    /// The signature against `pem_keys`, or against the published key that the token names.
    Signature,
    /// `iss`.
    Issuer,
    /// `aud`.
    Audience,
    /// `nbf`, `exp`, `iat`.
    Times,
    /// The shape of the claims.
    Claims,
    /// The name against `bound_service_account_names`.
    ServiceAccountName,
    /// The namespace against `bound_service_account_namespaces`.
    Namespace,
    /// The API server's review, and that it names the same account.
    Review,
    /// The reviewed namespace's labels against the selector.
    NamespaceLabels,
}

impl CheckName {
    /// The name in logs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PeerAddress => "peer_address",
            Self::Configuration => "configuration",
            Self::Token => "token",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Times => "times",
            Self::Claims => "claims",
            Self::ServiceAccountName => "service_account_name",
            Self::Namespace => "namespace",
            Self::Review => "review",
            Self::NamespaceLabels => "namespace_labels",
        }
    }
}

/// One check. Its texts are bounded and escaped, and hold no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: CheckName,
    /// Whether it held; none where that could not be found out.
    pub passed: Option<bool>,
    /// What was looked at.
    pub saw: String,
    /// What would have passed.
    pub expected: String,
    /// What was looked at is not the token's own word alone: the API server, the configuration or the connection says so.
    pub verified: bool,
}

/// What a check looked at, and what would have passed; as in [`Check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What was looked at.
    pub saw: String,
    /// What would have passed.
    pub expected: String,
    /// Whether more than the token says so.
    pub verified: bool,
}

impl Details {
    /// Of a fact that does not come from the token.
    pub fn verified(saw: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { saw: saw.into(), expected: expected.into(), verified: true }
    }

    /// Of what only the token says.
    pub fn unverified(saw: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { saw: saw.into(), expected: expected.into(), verified: false }
    }

    /// The check with these details.
    pub fn of_check(self, name: CheckName, passed: Option<bool>) -> Check {
        let Self { saw, expected, verified } = self;
        Check { name, passed, saw, expected, verified }
    }
}

/// Receives each check as it is made.
pub trait CheckObserver {
    /// One check; none for `passed` where it could not be found out. `details` is only called by observers that keep
    /// the check, so that a decision that nobody looks at renders no text.
    fn checked(&mut self, name: CheckName, passed: Option<bool>, details: impl FnOnce() -> Details);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl CheckObserver for NoObserver {
    fn checked(&mut self, _name: CheckName, _passed: Option<bool>, _details: impl FnOnce() -> Details) {}
}

/// Keeps every check, in order.
pub type Checks = Vec<Check>;

impl CheckObserver for Checks {
    fn checked(&mut self, name: CheckName, passed: Option<bool>, details: impl FnOnce() -> Details) {
        self.push(details().of_check(name, passed));
    }
}

/// Passes each check on once, although a decision that gets one more fact makes its first checks again, and keeps the
/// check that does not pass. Renders no text while all pass and the observer keeps nothing.
#[derive(Debug)]
pub struct Deduplicated<'o, T> {
    observer: &'o mut T,
    passed_on: usize,
    seen: usize,
    failed: Option<Check>,
}

impl<'o, T: CheckObserver> Deduplicated<'o, T> {
    /// Passes on to `observer`.
    pub const fn new(observer: &'o mut T) -> Self {
        Self { observer, passed_on: 0, seen: 0, failed: None }
    }

    /// The decision is made anew, with one more fact.
    pub const fn begin(&mut self) {
        self.seen = 0;
    }

    /// The check that did not pass.
    pub fn into_failed(self) -> Option<Check> {
        self.failed
    }
}

impl<T: CheckObserver> CheckObserver for Deduplicated<'_, T> {
    fn checked(&mut self, name: CheckName, passed: Option<bool>, details: impl FnOnce() -> Details) {
        self.seen = self.seen.saturating_add(1);
        let is_new = self.seen > self.passed_on;
        self.passed_on = self.passed_on.max(self.seen);
        if passed == Some(true) {
            if is_new {
                self.observer.checked(name, passed, details);
            }
            return;
        }
        let details = details();
        if is_new {
            self.observer.checked(name, passed, || details.clone());
        }
        self.failed = Some(details.of_check(name, passed));
    }
}

/// Makes the checks of one decision.
pub(super) struct Checker<'o, T> {
    observer: &'o mut T,
}

impl<'o, T: CheckObserver> Checker<'o, T> {
    pub(super) const fn new(observer: &'o mut T) -> Self {
        Self { observer }
    }

    /// Notes a check and stops where it does not hold.
    pub(super) fn that<'a>(
        &mut self,
        holds: bool,
        name: CheckName,
        deny: Deny,
        details: impl FnOnce() -> Details,
    ) -> Result<(), Stop<'a>> {
        self.observer.checked(name, Some(holds), details);
        if holds { Ok(()) } else { Err(Stop::Deny(deny)) }
    }

    pub(super) fn passed(&mut self, name: CheckName, details: impl FnOnce() -> Details) {
        self.observer.checked(name, Some(true), details);
    }

    pub(super) fn stop<'a>(
        &mut self,
        name: CheckName,
        deny: Deny,
        details: impl FnOnce() -> Details,
    ) -> Stop<'a> {
        self.observer.checked(name, Some(false), details);
        Stop::Deny(deny)
    }

    /// Notes a check that could not be made.
    pub(super) fn undecided<'a>(&mut self, name: CheckName, why: Undecided, expected: &str) -> Stop<'a> {
        self.observer.checked(name, None, || Details::verified(why.name(), expected));
        Stop::Undecided(why)
    }
}
