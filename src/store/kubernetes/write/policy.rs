//! A policy: one GatePolicy.

use super::put::{Basis, Put, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::ports::store::StoreError;
use crate::store::kubernetes::convert::policy_spec;
use crate::store::kubernetes::feed::is_policy;
use crate::store::kubernetes::resources::GatePolicy;

impl Declared {
    /// Sets a policy's text; without a value, takes the policy away.
    pub(super) async fn policy(
        &self,
        name: &str,
        value: Option<&[u8]>,
        awaited: &mut Awaited,
    ) -> Result<(), StoreError> {
        let seen = self.seen();
        let is_it = |policy: &GatePolicy| is_policy(policy, name);
        let Some(value) = value else {
            for policy in seen.policies.values().filter(|policy| is_it(policy)) {
                delete(&self.api(), &**policy).await?;
                awaited.gone(&**policy, |seen| &seen.policies);
            }
            return Ok(());
        };
        let rules = std::str::from_utf8(value).map_err(|error| StoreError::Failed(error.into()))?;
        let put = Put {
            api: &self.api(),
            claims: &self.api(),
            before: seen.policy_named(name),
            names: name::of_policy(name),
            basis: Basis::Whole,
        };
        let make = |_: Option<&GatePolicy>| GatePolicy::new("", policy_spec(name, rules));
        let (written, _replaced) = put.write(is_it, make).await?;
        awaited.put(written, |seen| &seen.policies);
        Ok(())
    }
}
