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
