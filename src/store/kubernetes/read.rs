//! Declared entries as the published snapshot has them.

use crate::core::mount::Snapshot;
use crate::ports::store::{Entry, Key, Kind};

/// One entry.
pub(super) fn get(snapshot: &Snapshot, key: &Key) -> Option<Entry> {
    let name = std::str::from_utf8(&key.name).ok()?;
    let value = match key.kind {
        Kind::Mount => serde_json::to_vec(&*snapshot.mount(name)?.about).ok()?,
        Kind::Config => snapshot.mount(name)?.config.as_ref()?.to_json(),
        Kind::Role => {
            let (path, role) = Key::role_parts(name)?;
            snapshot.mount(path)?.roles.get(role)?.to_json()
        }
        Kind::Policy => snapshot.policies.get(name)?.as_bytes().to_vec(),
        _ => return None,
    };
    Some(Entry { version: version(&value), value: value.into() })
}

/// The names of all entries of a kind, in the order of their bytes.
pub(super) fn names(snapshot: &Snapshot, kind: Kind) -> Vec<Box<[u8]>> {
    let mounts = snapshot.mounts.values();
    let key = |name: &str| Key::new(kind, name);
    let mut keys: Vec<Key> = match kind {
        Kind::Mount => mounts.map(|mount| key(&mount.path)).collect(),
        Kind::Config => mounts.filter(|mount| mount.config.is_some()).map(|mount| key(&mount.path)).collect(),
        Kind::Role => {
            mounts.flat_map(|mount| mount.roles.keys().map(|role| Key::of_role(&mount.path, role))).collect()
        }
        Kind::Policy => snapshot.policies.keys().map(|name| key(name)).collect(),
        _ => Vec::new(),
    };
    keys.sort_unstable();
    keys.into_iter().map(|key| key.name).collect()
}

/// A number that another value does not have.
fn version(value: &[u8]) -> u64 {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value);
    digest.as_ref().iter().take(8).fold(0, |version, byte| (version << 8) | u64::from(*byte))
}
