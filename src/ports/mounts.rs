//! Which auth mounts there are.

use std::fmt::Debug;

/// Tells mounts by their accessors. A mount that is disabled takes the tokens of its logins along.
pub trait MountsThere: Send + Sync + Debug {
    /// Whether the mount with this accessor is enabled at this moment.
    fn mount_exists(&self, accessor: &str) -> bool;
}
