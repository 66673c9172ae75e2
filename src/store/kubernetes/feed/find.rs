//! Objects by what they claim.

use kube::Resource;

use super::Seen;
use super::cache::Objects;
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole};

impl Seen {
    /// The GateMount that holds a path, or would first hold it.
    pub(in crate::store::kubernetes) fn mount_at(&self, path: &str) -> Option<&GateMount> {
        self.first(&self.mounts, |mount| mount.path() == path)
    }

    /// The GateRole that holds a name in the mount of this object.
    pub(in crate::store::kubernetes) fn role_of(&self, mount: &str, name: &str) -> Option<&GateRole> {
        self.first(&self.roles, |role| role.spec.mount_ref.name == mount && role.name() == name)
    }

    /// The GatePolicy that holds a name.
    pub(in crate::store::kubernetes) fn policy_named(&self, name: &str) -> Option<&GatePolicy> {
        self.first(&self.policies, |policy| policy.name() == name)
    }

    /// The accepted one, else the oldest one.
    fn first<'a, K: Resource>(
        &self,
        objects: &'a Objects<K>,
        is_it: impl Fn(&K) -> bool,
    ) -> Option<&'a K> {
        let claims = objects.values().map(AsRef::as_ref).filter(|object| is_it(object));
        claims.min_by_key(|object| {
            let meta = object.meta();
            let verdict = meta.uid.as_ref().and_then(|uid| self.verdicts.get(uid));
            let accepted = verdict.is_some_and(|verdict| verdict.accepted.holds);
            (!accepted, meta.creation_timestamp.clone().map(|time| time.0), meta.name.clone())
        })
    }
}
