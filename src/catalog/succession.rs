//! A mount's successor: what did not change is shared with the mount before, its generation included.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::mount::{Mount, MountAbout, MountConfig};
use crate::core::role::Role;

/// A mount's roles by their lower-case names.
pub type Roles = HashMap<Box<str>, Arc<Role>>;

/// The mount that follows `before`, that of the same path in the last snapshot: itself where nothing has changed. One
/// with another UUID is another mount and follows none.
pub fn successor(
    before: Option<&Arc<Mount>>,
    path: &str,
    about: MountAbout,
    config: Option<MountConfig>,
    mut roles: Roles,
) -> Arc<Mount> {
    let Some(before) = before.filter(|mount| mount.about.uuid == about.uuid) else {
        let (about, config) = (Arc::new(about), config.map(Arc::new));
        return Arc::new(Mount { path: path.into(), generation: next_generation(), about, config, roles });
    };
    let same_config = before.config.as_deref() == config.as_ref();
    let same_about = *before.about == about;
    let mut same = same_config && same_about && before.roles.len() == roles.len();
    for (name, role) in &mut roles {
        match before.roles.get(name) {
            Some(known) if Arc::ptr_eq(known, role) || known == role => *role = Arc::clone(known),
            _ => same = false,
        }
    }
    if same {
        return Arc::clone(before);
    }
    let (generation, config) = match same_config {
        true => (before.generation, before.config.clone()),
        false => (next_generation(), config.map(Arc::new)),
    };
    let about = if same_about { Arc::clone(&before.about) } else { Arc::new(about) };
    Arc::new(Mount { path: Arc::clone(&before.path), generation, about, config, roles })
}

/// A number that no mount of this process has had.
pub fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}
