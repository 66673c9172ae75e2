//! The Kubernetes auth backend: `login`, `config`, `role/:name` and the list of roles, below any mount.
//!
//! It says who may have a token and what that token is to be like; who issues it is the caller's affair.

mod config;
mod login;
mod renew;
mod role;

use std::sync::Arc;

pub use login::{Alias, LOGIN_FIELDS, Login, alias_name, nobody_can_tell};
pub use renew::{RenewalTerms, renewal};
pub use role::{listed as roles_listed, name as role_name};

use super::call::{Call, unsupported_operation, unsupported_path};
use super::outcome::{Outcome, Refusal};
use super::request::Operation;
use crate::catalog::Catalog;
use crate::gate::Gate;
use crate::mount_notices::MountNotices;
use crate::ports::{Inquire, Verify};

/// The backend behind every mount.
#[derive(Debug)]
pub struct Kubernetes<V> {
    gate: Gate<V>,
    catalog: Catalog,
    cluster: Arc<dyn Inquire>,
    notices: MountNotices,
}

impl<V: Verify> Kubernetes<V> {
    /// A backend that decides by this gate, and reads and writes this catalog.
    pub fn new(gate: Gate<V>, catalog: Catalog, cluster: Arc<dyn Inquire>) -> Self {
        Self { gate, catalog, cluster, notices: MountNotices::default() }
    }

    /// The same, and what is odd about a config is shown where these notices are.
    #[must_use]
    pub fn with_notices(self, notices: MountNotices) -> Self {
        Self { notices, ..self }
    }

    /// Answers whatever is not a login.
    pub async fn handle(&self, call: &Call<'_>) -> Outcome {
        match (call.path, call.request.operation) {
            ("config", Operation::Read) => config::read(call),
            ("config", Operation::Write) => config::write(self, call).await,
            ("role" | "role/", Operation::List) => {
                role::listed(call.mount.roles.keys().map(AsRef::as_ref).collect(), call.fields())
            }
            ("config" | "login" | "role" | "role/", _)
                if !call.path.ends_with('/') || call.path == "role/" =>
            {
                match call.request.operation {
                    // The list of a path that has none: its slash fits no pattern.
                    Operation::List => unsupported_path(),
                    _ => unsupported_operation(),
                }
            }
            (path, operation) => match role::name(path) {
                Some(name) => match operation {
                    Operation::Read => role::read(call, name),
                    Operation::Write => role::write(self, call, name).await,
                    Operation::Delete => role::delete(self, call, name).await,
                    _ => unsupported_operation(),
                },
                None => unsupported_path(),
            },
        }
    }
}

/// Whether a write of this path would create something; none where creating and updating are one.
///
/// # Errors
/// Where the fields cannot be read, which the reference notices here.
pub fn creates(call: &Call<'_>) -> Result<Option<bool>, Refusal> {
    match role::name(call.path) {
        Some(name) => role::check_fields(call).map(|()| Some(call.mount.role(name).is_none())),
        None => Ok(None),
    }
}

/// The policies that a write of a role's path would let the role hand out; none for other paths and operations.
///
/// # Errors
/// Where the write is not good.
pub(super) fn policies_of_write(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    match role::name(call.path) {
        Some(name) if call.request.operation == Operation::Write => role::policies_of_write(call, name),
        _ => Ok(Vec::new()),
    }
}
