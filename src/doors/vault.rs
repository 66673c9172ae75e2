//! The Vault door: Vault's HTTP API, from bytes to a [`Request`](crate::vault::request::Request) and from its outcome
//! back to bytes.
//!
//! What a path does is not known here, but for the four that tell of the server itself (`status`).

mod answer;
mod body;
pub mod door;
mod fields;
mod headers;
mod ids;
mod operation;
mod query;
pub mod service;
mod status;
mod target;

pub use door::{Limits, VaultDoor};
pub use service::VaultService;
pub use status::{ClusterId, VAULT_VERSION};
