//! Vault's real clients at the Vault door, with a real kube-apiserver behind it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod agent;
mod bao;
mod curl;
mod programs;
mod rust;
mod stage;
#[path = "../support/mod.rs"]
pub mod support;
