//! A role: one GateRole.

use super::put::{Basis, Put, annotated, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::core::role::Role;
use crate::ports::store::StoreError;
use crate::store::kubernetes::convert::role_spec;
use crate::store::kubernetes::feed::is_role;
use crate::store::kubernetes::resources::GateRole;

impl Declared {
    /// Puts a role into a mount that is there; without a value, takes it out.
    pub(super) async fn role(
        &self,
        path: &str,
        name: &str,
        value: Option<&[u8]>,
        awaited: &mut Awaited,
    ) -> Result<(), StoreError> {
        let seen = self.seen();
        let mount = seen.mount_at(path).ok_or(StoreError::Conflict)?;
        let mount = mount.metadata.name.clone().unwrap_or_default();
        let is_it = |role: &GateRole| is_role(role, &mount, name);
        let Some(value) = value else {
            // One that has lost the name to another would take its place.
            for role in seen.roles.values().filter(|role| is_it(role)) {
                delete(&self.api(), &**role).await?;
                awaited.gone(&**role, |seen| &seen.roles);
            }
            return Ok(());
        };
        let role = Role::from_json(name, value).map_err(|error| StoreError::Failed(error.into()))?;
        let put = Put {
            api: &self.api(),
            claims: &self.api(),
            before: seen.role_of(&mount, name),
            names: name::of_role(path, name),
            basis: Basis::Laid,
        };
        let make = |_: Option<&GateRole>| {
            let (spec, annotations) = role_spec(&role, &mount);
            annotated(GateRole::new("", spec), annotations)
        };
        let (written, _replaced) = put.write(is_it, make).await?;
        awaited.put(written, |seen| &seen.roles);
        Ok(())
    }
}
