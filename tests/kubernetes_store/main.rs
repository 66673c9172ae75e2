//! The `kubernetes` store: custom resources in a real API server, and `rolegate server` processes over it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

mod away;
mod objects;
mod outdated;
mod stage;
#[path = "../support/mod.rs"]
pub mod support;
mod writes;
