//! Names for new objects: the first that an entry may have, and another where somebody else's object has it.

use aws_lc_rs::digest::{SHA256, digest};

use crate::core::hex::hex;
use crate::core::object_name::{mount_object_name, policy_object_name, role_object_name};
use crate::ports::store::{Key, Kind};

/// What of a name stays before a digest.
const LONGEST: usize = 200;

/// For the object of a declared entry.
pub(super) fn of(key: &Key) -> Option<[String; 2]> {
    let name = std::str::from_utf8(&key.name).ok()?;
    match key.kind {
        Kind::Mount | Kind::Config => Some(of_mount(name)),
        Kind::Role => Key::role_parts(name).map(|(path, role)| of_role(path, role)),
        Kind::Policy => Some(of_policy(name)),
        _ => None,
    }
}

/// For a mount's object.
pub(super) fn of_mount(path: &str) -> [String; 2] {
    both(mount_object_name(path))
}

/// For the object of a role in the mount of that path.
pub(super) fn of_role(path: &str, role: &str) -> [String; 2] {
    both(role_object_name(path, role))
}

/// For a policy's object.
pub(super) fn of_policy(name: &str) -> [String; 2] {
    both(policy_object_name(name))
}

fn both(name: String) -> [String; 2] {
    let digest = digest(&SHA256, name.as_bytes());
    let digest = hex(digest.as_ref().get(..8).unwrap_or_default());
    // Names of objects are ASCII.
    let start = name.get(..LONGEST).unwrap_or(&name).trim_end_matches(['-', '.']);
    let other = format!("{start}-{digest}");
    [name, other]
}
