//! A policy: one GatePolicy.

use super::put::{Basis, Put, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::ports::store::StoreError;
use crate::store::kubernetes::resources::{GatePolicy, PolicySpec};

impl Declared {
    /// Sets a policy's text; without a value, takes the policy away.
    pub(super) async fn policy(
        &self,
        name: &str,
        value: Option<&[u8]>,
        awaited: &mut Awaited,
    ) -> Result<(), StoreError> {
        let seen = self.seen();
        let is_it = |policy: &GatePolicy| policy.name() == name;
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
            before: seen.policy_named(name),
            names: name::of_policy(name),
            basis: Basis::Whole,
        };
        let make = |_: Option<&GatePolicy>| {
            GatePolicy::new("", PolicySpec { policy_name: name.to_owned(), rules: rules.to_owned() })
        };
        awaited.put(put.write(is_it, make).await?, |seen| &seen.policies);
        Ok(())
    }
}
