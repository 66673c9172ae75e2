//! The list of checks that a decision made, for those who want to see it.

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckName {
    /// The peer's address against `token_bound_cidrs`.
    PeerAddress,
    /// That the mount is configured.
    Configuration,
    /// That the token could be read.
    Token,
    /// `alg`.
    Algorithm,
    /// The signature against `pem_keys`.
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

/// One check and what it saw. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: CheckName,
    /// Whether it held.
    pub passed: bool,
    /// What was looked at, for people.
    pub saw: String,
}

/// Somebody who is told of each check as it is made.
pub trait Trail {
    /// One check; `saw` is only called by those who keep it.
    fn saw(&mut self, name: CheckName, passed: bool, saw: impl FnOnce() -> String);
}

/// Keeps nothing: what the hot path uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unseen;

impl Trail for Unseen {
    fn saw(&mut self, _name: CheckName, _passed: bool, _saw: impl FnOnce() -> String) {}
}

/// Keeps every check, in order.
pub type Checks = Vec<Check>;

impl Trail for Checks {
    fn saw(&mut self, name: CheckName, passed: bool, saw: impl FnOnce() -> String) {
        self.push(Check { name, passed, saw: saw() });
    }
}

/// Tells only what has not been told: a decision that gets one more fact makes its first checks again.
#[derive(Debug)]
pub struct Onward<'t, T> {
    trail: &'t mut T,
    told: &'t mut usize,
    seen: usize,
}

impl<'t, T: Trail> Onward<'t, T> {
    /// Passes on to `trail` from the check after the first `told`, which is kept up to date.
    pub const fn new(trail: &'t mut T, told: &'t mut usize) -> Self {
        Self { trail, told, seen: 0 }
    }
}

impl<T: Trail> Trail for Onward<'_, T> {
    fn saw(&mut self, name: CheckName, passed: bool, saw: impl FnOnce() -> String) {
        self.seen = self.seen.saturating_add(1);
        if self.seen > *self.told {
            *self.told = self.seen;
            self.trail.saw(name, passed, saw);
        }
    }
}
