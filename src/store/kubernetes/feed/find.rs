//! Objects by what they claim.

use kube::Resource;

use super::Seen;
use super::cache::Objects;
use crate::ports::store::{Key, Kind};
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

    /// The names of the objects that claim an entry, that of its holder first.
    pub(in crate::store::kubernetes) fn claimants(&self, key: &Key) -> Vec<String> {
        let Ok(name) = std::str::from_utf8(&key.name) else { return Vec::new() };
        match key.kind {
            Kind::Mount | Kind::Config => names(self.claims(&self.mounts, |mount| is_at(mount, name))),
            Kind::Role => {
                let parts = Key::role_parts(name);
                let of = |path| self.mount_at(path)?.metadata.name.as_deref();
                let place = parts.and_then(|(path, role)| Some((of(path)?, role)));
                place.map_or_else(Vec::new, |(mount, role)| {
                    names(self.claims(&self.roles, |object| is_role(object, mount, role)))
                })
            }
            Kind::Policy => names(self.claims(&self.policies, |policy| is_policy(policy, name))),
            _ => Vec::new(),
        }
    }

    /// Whether an object of that kind has the name.
    pub(in crate::store::kubernetes) fn is_taken(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Mount | Kind::Config => self.mounts.contains_key(name),
            Kind::Role => self.roles.contains_key(name),
            Kind::Policy => self.policies.contains_key(name),
            _ => false,
        }
    }

    fn first<'a, K: Resource>(&self, objects: &'a Objects<K>, is_it: impl Fn(&K) -> bool) -> Option<&'a K> {
        self.claims(objects, is_it).first().copied()
    }

    /// The accepted one before the others, and older ones before newer ones.
    fn claims<'a, K: Resource>(&self, objects: &'a Objects<K>, is_it: impl Fn(&K) -> bool) -> Vec<&'a K> {
        let mut claims: Vec<&K> =
            objects.values().map(AsRef::as_ref).filter(|object| is_it(object)).collect();
        claims.sort_by_cached_key(|object| {
            let meta = object.meta();
            let verdict = meta.uid.as_ref().and_then(|uid| self.verdicts.get(uid));
            let accepted = verdict.is_some_and(|verdict| verdict.accepted.holds);
            (!accepted, meta.creation_timestamp.clone().map(|time| time.0), meta.name.clone())
        });
        claims
    }
}

fn names<K: Resource>(claims: Vec<&K>) -> Vec<String> {
    claims.into_iter().filter_map(|object| object.meta().name.clone()).collect()
}
