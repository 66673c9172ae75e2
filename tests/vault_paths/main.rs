//! The Vault door of `rolegate dev`: what its paths answer where no recording tells it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

mod answers;
mod door;
mod policies;
#[path = "../support/mod.rs"]
pub mod support;
mod tuning;
mod wrapping;
