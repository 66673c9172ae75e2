//! From all objects of a moment to a snapshot, and what is to be said of each of them. Pure.

mod claims;
mod memo;
mod mounts;
mod policies;
mod roles;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use verdict::{Kind, Object, Reason, State, Verdict};

use super::resources::{GateMount, GatePolicy, GateRole};
use crate::core::mount::Snapshot;
use crate::core::secret::Secret;
use memo::Memo;

/// Every object of rolegate's namespace at one moment, in any order.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// The mounts.
    pub mounts: Vec<Arc<GateMount>>,
    /// The roles.
    pub roles: Vec<Arc<GateRole>>,
    /// The policies.
    pub policies: Vec<Arc<GatePolicy>>,
    /// The Secrets that may be referred to as reviewers', by name.
    pub reviewers: BTreeMap<String, Reviewer>,
}

/// A Secret that a mount may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reviewer {
    /// It has the label, and this under `token`.
    Token(Secret),
    /// It has the label, but no text under `token`.
    NoToken,
    /// It lacks the label `rolegate.dev/reviewer: "true"`, and is not used.
    NoLabel,
}

/// What the objects come to.
#[derive(Debug)]
pub struct Assembled {
    /// To be published.
    pub snapshot: Snapshot,
    /// One for each object: mounts, roles, policies, each kind from the oldest to the newest.
    pub verdicts: Vec<Verdict>,
}

/// Assembles again and again, and remembers what it has parsed.
#[derive(Debug, Default)]
pub struct Assembler {
    memo: Memo,
}

impl Assembler {
    /// What the objects come to; `before` is the snapshot in force, of which everything that did not change is shared: an
    /// unchanged mount keeps its generation, an unchanged set of policies its place.
    ///
    /// Total: an object that is not good is told of in its verdict, and leaves what it names refused.
    pub fn assemble(&mut self, before: Option<&Snapshot>, objects: &Objects) -> Assembled {
        let mut mounts = mounts::place(&objects.mounts, &objects.reviewers);
        let (roles, mut of_roles) = roles::place(&mut self.memo, &mounts, &objects.roles);
        let (policies, mut of_policies) = policies::place(&mut self.memo, before, &objects.policies);
        let mut verdicts = std::mem::take(&mut mounts.verdicts);
        verdicts.append(&mut of_roles);
        verdicts.append(&mut of_policies);
        self.memo.forget_the_unused();
        Assembled { snapshot: Snapshot { mounts: mounts.finish(before, roles), policies }, verdicts }
    }
}

#[cfg(test)]
mod tests;
