//! The program as a plugin of a real OpenBao server.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[path = "../support/mod.rs"]
pub mod support;

mod lives;
mod registered;
