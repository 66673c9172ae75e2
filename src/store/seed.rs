//! The memory store: mounts, roles and policies that the program puts in and that end with it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::Snapshots;
use crate::catalog::next_generation;
use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use crate::core::role::Role;

/// A store without a file behind it. Every change publishes a whole snapshot. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    snapshots: Snapshots,
    writing: Arc<Mutex<()>>,
}

impl MemoryStore {
    /// A store that publishes an empty snapshot.
    pub fn new(snapshots: Snapshots) -> Self {
        snapshots.publish(Snapshot::default());
        Self { snapshots, writing: Arc::default() }
    }

    /// Sets a mount's configuration; makes the mount if there is none. The path has no slashes at its ends.
    pub fn put_mount_config(&self, path: &str, config: MountConfig) {
        self.change(|snapshot| {
            let before = snapshot.mounts.get(path);
            let mut mount = mount(before, path);
            if mount.config.as_deref() != Some(&config) {
                mount.generation = next_generation();
                mount.config = Some(Arc::new(config));
            }
            snapshot.mounts.insert(path.into(), Arc::new(mount));
        });
    }

    /// Puts roles into a mount, in place of those of the same name; makes the mount if there is none.
    pub fn put_roles(&self, path: &str, roles: impl IntoIterator<Item = Role>) {
        self.change(|snapshot| {
            let mut mount = mount(snapshot.mounts.get(path), path);
            mount.roles.extend(roles.into_iter().map(|role| (role.name.as_str().into(), Arc::new(role))));
            snapshot.mounts.insert(path.into(), Arc::new(mount));
        });
    }

    /// Puts one role into a mount.
    pub fn put_role(&self, path: &str, role: Role) {
        self.put_roles(path, [role]);
    }

    /// Takes a role out of a mount; `name` in lower case.
    pub fn delete_role(&self, path: &str, name: &str) {
        self.change(|snapshot| {
            if let Some(before) = snapshot.mounts.get(path) {
                let mut mount = Mount::clone(before);
                mount.roles.remove(name);
                snapshot.mounts.insert(path.into(), Arc::new(mount));
            }
        });
    }

    /// Takes a mount away with all its roles.
    pub fn delete_mount(&self, path: &str) {
        self.change(|snapshot| {
            snapshot.mounts.remove(path);
        });
    }

    /// Sets a policy's text.
    pub fn put_policy(&self, name: &str, text: &str) {
        self.change(|snapshot| {
            Arc::make_mut(&mut snapshot.policies).insert(name.to_owned(), text.into());
        });
    }

    /// Takes a policy away.
    pub fn delete_policy(&self, name: &str) {
        self.change(|snapshot| {
            Arc::make_mut(&mut snapshot.policies).remove(name);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = self.snapshots.load().map_or_else(Snapshot::default, |now| Snapshot::clone(&now));
        change(&mut snapshot);
        self.snapshots.publish(snapshot);
    }
}

fn mount(before: Option<&Arc<Mount>>, path: &str) -> Mount {
    match before {
        Some(mount) => Mount::clone(mount),
        None => Mount::new(path, next_generation(), MountAbout::of_path(path)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MemoryStore, Role, Snapshots};
    use crate::core::mount::{MountConfig, decode};

    fn config(host: &str) -> MountConfig {
        decode::decode(json!({"kubernetes_host": host}).as_object().unwrap()).unwrap()
    }

    fn role(name: &str) -> Role {
        let fields = json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b"});
        crate::core::role::decode::decode(name, fields.as_object().unwrap(), None, 1).unwrap().role
    }

    #[test]
    fn what_is_put_is_published_and_what_is_deleted_is_gone() {
        let snapshots = Snapshots::default();
        let store = MemoryStore::new(snapshots.clone());
        store.put_mount_config("kubernetes", config("https://a"));
        store.put_role("kubernetes", role("Orders"));
        store.put_policy("orders", "text");
        let now = snapshots.load().unwrap();
        assert!(now.mount("kubernetes").unwrap().role("orders").is_some());
        assert_eq!(&*now.policies["orders"], "text");
        store.delete_role("kubernetes", "orders");
        store.delete_policy("orders");
        let later = snapshots.load().unwrap();
        assert!(later.mount("kubernetes").unwrap().role("orders").is_none() && later.policies.is_empty());
        assert!(now.mount("kubernetes").unwrap().role("orders").is_some(), "a snapshot changed");
    }

    #[test]
    fn the_generation_follows_the_config_and_re_creation_alone() {
        let snapshots = Snapshots::default();
        let store = MemoryStore::new(snapshots.clone());
        let generation = || snapshots.load().unwrap().mount("kubernetes").unwrap().generation;
        store.put_mount_config("kubernetes", config("https://a"));
        let first = generation();
        store.put_role("kubernetes", role("a"));
        store.put_mount_config("kubernetes", config("https://a"));
        assert_eq!(generation(), first);
        store.put_mount_config("kubernetes", config("https://b"));
        let second = generation();
        store.delete_mount("kubernetes");
        store.put_mount_config("kubernetes", config("https://b"));
        let third = generation();
        assert!(first < second && second < third);
    }
}
