//! The program as a plugin of a real OpenBao server.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
pub mod support;

mod faults;
mod lives;
mod logins;
mod registered;
mod stage;
mod takeover;
