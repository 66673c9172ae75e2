//! The deprecated names of the `token_*` fields.

use super::given::Given;
use super::token::{bound_cidrs, set};
use super::{RoleError, TokenParameters};

/// Which values were last set by their old names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OldNames {
    /// `policies`
    pub policies: bool,
    /// `bound_cidrs`
    pub bound_cidrs: bool,
    /// `num_uses`
    pub num_uses: bool,
    /// `ttl`
    pub ttl: bool,
    /// `max_ttl`
    pub max_ttl: bool,
    /// `period`
    pub period: bool,
}

impl OldNames {
    /// A new name beats its old one; an old name alone sets the value; a new name alone forgets the old one.
    pub(super) fn write(&mut self, token: &mut TokenParameters, given: &Given) -> Result<(), RoleError> {
        if prevails(&mut self.policies, given.token_policies.is_some(), given.policies.is_some()) {
            set(&mut token.policies, given.policies.as_deref().map(policy_list));
        }
        if prevails(&mut self.bound_cidrs, given.token_bound_cidrs.is_some(), given.bound_cidrs.is_some()) {
            set(&mut token.bound_cidrs, given.bound_cidrs.as_deref().map(bound_cidrs).transpose()?);
        }
        let numbers = [
            (&mut self.num_uses, given.token_num_uses, given.num_uses, &mut token.num_uses),
            (&mut self.ttl, given.token_ttl, given.ttl, &mut token.ttl),
            (&mut self.max_ttl, given.token_max_ttl, given.max_ttl, &mut token.max_ttl),
            (&mut self.period, given.token_period, given.period, &mut token.period),
        ];
        for (flag, new, old, value) in numbers {
            if prevails(flag, new.is_some(), old.is_some()) {
                set(value, old);
            }
        }
        Ok(())
    }
}

/// Notes which name was used, and says whether the old one's value counts.
fn prevails(flag: &mut bool, new: bool, old: bool) -> bool {
    *flag = old || (*flag && !new);
    old && !new
}

/// Vault's `ParsePolicies`: trimmed, lower case, unique, sorted; `root` stands alone.
fn policy_list(policies: &[String]) -> Vec<String> {
    let mut policies: Vec<String> = policies
        .iter()
        .map(|policy| policy.trim().to_lowercase())
        .filter(|policy| !policy.is_empty())
        .collect();
    policies.sort_unstable();
    policies.dedup();
    if policies.iter().any(|policy| policy == "root") {
        policies = vec!["root".to_owned()];
    }
    policies
}
