//! A mount's successor: what did not change is shared with the mount before, its generation included.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::mount::{Mount, MountAbout, MountConfig};
use crate::core::role::Role;

/// Makes a mount that follows `before`, the mount of the same path in the last snapshot.
pub fn successor(
    before: Option<&Arc<Mount>>,
    path: &str,
    config: Option<MountConfig>,
    roles: impl IntoIterator<Item = Role>,
) -> Arc<Mount> {
    let known = before.map(|mount| &mount.roles);
    let roles = roles.into_iter().map(|role| {
        let name = Box::from(role.name.as_str());
        match known.and_then(|known| known.get(&name)) {
            Some(same) if **same == role => (name, Arc::clone(same)),
            _ => (name, Arc::new(role)),
        }
    });
    let roles: HashMap<Box<str>, Arc<Role>> = roles.collect();
    let (generation, config) = match before {
        Some(mount) if mount.config.as_deref() == config.as_ref() => (mount.generation, mount.config.clone()),
        _ => (next_generation(), config.map(Arc::new)),
    };
    let (path, about) = match before {
        Some(mount) => (Arc::clone(&mount.path), Arc::clone(&mount.about)),
        None => (Arc::from(path), Arc::new(MountAbout::of_path(path))),
    };
    Arc::new(Mount { path, generation, about, config, roles })
}

/// A number that no mount of this process has had.
pub fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}
