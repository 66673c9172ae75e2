//! Objects by what they claim.

use kube::Resource;

use super::Seen;
use super::cache::Objects;
use crate::store::kubernetes::convert::{mount_path, policy_name, role_name};
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole};

/// Whether the object claims the path.
pub(in crate::store::kubernetes) fn is_at(mount: &GateMount, path: &str) -> bool {
    mount_path(mount).is_ok_and(|claimed| claimed == path)
}

/// Whether the object claims the name in the mount of the object `mount`.
pub(in crate::store::kubernetes) fn is_role(role: &GateRole, mount: &str, name: &str) -> bool {
    role.spec.mount_ref.name == mount && role_name(role).is_ok_and(|claimed| claimed == name)
}

/// Whether the object claims the name.
pub(in crate::store::kubernetes) fn is_policy(policy: &GatePolicy, name: &str) -> bool {
    policy_name(policy).is_ok_and(|claimed| claimed == name)
}

impl Seen {
    /// The GateMount that holds a path, or would first hold it.
    pub(in crate::store::kubernetes) fn mount_at(&self, path: &str) -> Option<&GateMount> {
        self.first(&self.mounts, |mount| is_at(mount, path))
    }

    /// The GateRole that holds a name in the mount of this object.
    pub(in crate::store::kubernetes) fn role_of(&self, mount: &str, name: &str) -> Option<&GateRole> {
        self.first(&self.roles, |role| is_role(role, mount, name))
    }

    /// The GatePolicy that holds a name.
    pub(in crate::store::kubernetes) fn policy_named(&self, name: &str) -> Option<&GatePolicy> {
        self.first(&self.policies, |policy| is_policy(policy, name))
    }

    /// The accepted one, else the oldest one.
    fn first<'a, K: Resource>(&self, objects: &'a Objects<K>, is_it: impl Fn(&K) -> bool) -> Option<&'a K> {
        let claims = objects.values().map(AsRef::as_ref).filter(|object| is_it(object));
        claims.min_by_key(|object| {
            let meta = object.meta();
            let verdict = meta.uid.as_ref().and_then(|uid| self.verdicts.get(uid));
            let accepted = verdict.is_some_and(|verdict| verdict.accepted.holds);
            (!accepted, meta.creation_timestamp.clone().map(|time| time.0), meta.name.clone())
        })
    }
}
