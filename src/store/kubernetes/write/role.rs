//! A role: one GateRole.

use super::put::{Basis, Put, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::core::role::Role;
use crate::ports::store::StoreError;
use crate::store::kubernetes::resources::{GateRole, Reference, RoleSpec};

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
        let is_it = |role: &GateRole| role.spec.mount_ref.name == mount && role.name() == name;
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
            before: seen.role_of(&mount, name),
            names: name::of_role(path, name),
            basis: Basis::Laid,
        };
        let make = |_: Option<&GateRole>| {
            GateRole::new("", RoleSpec::of(&role, Reference { name: mount.clone() }))
        };
        awaited.put(put.write(is_it, make).await?, |seen| &seen.roles);
        Ok(())
    }
}
