//! Administration of the Vault door by the RBAC of a real kube-apiserver.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that fails is a failed test"
)]

#[path = "../support/mod.rs"]
pub mod support;

mod away;
mod home;
mod meanwhile;
mod roles;
mod stage;
mod tokens;
mod tour;
