//! Between custom resources and the core's types, both ways. Pure; every check is the Vault door's own.

mod fields;
mod mount;
mod policy;
mod role;

pub(in crate::store::kubernetes) use mount::shortest;
pub use mount::{MountFault, about, config, mount_path, mount_spec};
pub use policy::{PolicyFault, policy_name, policy_spec, policy_text};
pub use role::{RoleFault, role, role_name, role_spec};

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The names of the deprecated fields by which values of a role were set, between commas.
pub const OLD_NAMES: &str = "rolegate.dev/old-names";

/// The selector's text as it was typed, where it came by the Vault door. Left unused once it means something else than
/// the spec.
pub const SELECTOR_TEXT: &str = "rolegate.dev/namespace-selector";

/// A mount's `local` flag.
pub const LOCAL: &str = "rolegate.dev/local";

/// Why an object could not be read. Only in memory: of such an object no more is known than its metadata and what it
/// claims, and nothing of it is in force.
pub const UNREADABLE: &str = "rolegate.dev/unreadable";

/// Why nothing of the object is in force.
pub(in crate::store::kubernetes) fn unreadable(metadata: &ObjectMeta) -> Option<String> {
    let cause = metadata.annotations.as_ref()?.get(UNREADABLE)?;
    Some(format!("the object cannot be read: {cause}"))
}

/// What a spec has no field for.
pub type Annotations = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
