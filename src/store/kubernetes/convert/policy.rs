//! Between a GatePolicy and a policy's name and text.

use kube::ResourceExt as _;

use crate::core::acl::{Policy, PolicyError, is_unwritable};
use crate::store::kubernetes::resources::{GatePolicy, PolicySpec};

/// Why a GatePolicy is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum PolicyFault {
    #[error("`policyName`: cannot update {0:?} policy")]
    Unwritable(String),
    #[error("`rules`: expected a policy's text")]
    Empty,
    #[error("`rules`: {0}")]
    Rules(#[from] PolicyError),
}

/// The policy's name in lower case.
///
/// # Errors
/// Where the policy of that name is not to be written.
pub fn policy_name(object: &GatePolicy) -> Result<String, PolicyFault> {
    let given = &object.spec.policy_name;
    let name = if given.is_empty() { object.name_any() } else { given.to_lowercase() };
    if is_unwritable(&name) { Err(PolicyFault::Unwritable(name)) } else { Ok(name) }
}

/// The policy's text.
///
/// # Errors
/// Where it cannot be read as a policy.
pub fn policy_text(spec: &PolicySpec) -> Result<&str, PolicyFault> {
    if spec.rules.is_empty() {
        return Err(PolicyFault::Empty);
    }
    Policy::parse(&spec.rules)?;
    Ok(&spec.rules)
}

/// The spec of a policy.
pub fn policy_spec(name: &str, text: &str) -> PolicySpec {
    PolicySpec { policy_name: name.to_owned(), rules: text.to_owned() }
}
