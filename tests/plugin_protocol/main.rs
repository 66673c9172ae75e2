//! A core's side of the plugin protocol, against the real program and against a scripted backend.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
pub mod support;

mod asked;
mod core;
mod end;
mod handshake;
mod mounts;
mod of_its_own;
mod scripted;
mod started;
mod storage;
mod strangers;
