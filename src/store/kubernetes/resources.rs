//! The custom resources of the group `rolegate.dev`, version `v1alpha1`.

mod condition;
mod mount;
mod policy;
mod role;
mod schema;
mod selector;

pub use condition::{ACCEPTED, Condition, READY, Status};
pub use mount::{GateMount, MountSpec, Reference};
pub use policy::{GatePolicy, PolicySpec};
pub use role::{GateRole, RoleSpec};
pub use selector::{Requirement, Selector};

/// The label without which no Secret is a reviewer's, and its value.
pub const REVIEWER: (&str, &str) = ("rolegate.dev/reviewer", "true");

/// The key of a reviewer's token in its Secret.
pub const TOKEN: &str = "token";
