//! The program as a plugin of a real OpenBao server.

#[path = "../support/mod.rs"]
pub mod support;

mod lives;
mod registered;
