//! Client tokens of several replicas over one real kube-apiserver.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod away;
mod objects;
mod replica;
mod shared;
mod stops;
#[path = "../support/mod.rs"]
pub mod support;
