//! Which auth mounts there are.

use std::fmt::Debug;

/// Tells which mounts there are. A mount that is disabled takes the tokens of its logins along.
pub trait MountsThere: Send + Sync + Debug {
    /// Whether the mount at this path below `auth/` has this accessor at this moment, and so is the one that it was.
    fn is_mounted(&self, path: &str, accessor: &str) -> bool;
}
