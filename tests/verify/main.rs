//! The verifier against scripted API servers over real sockets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod admission;
mod answers;
mod api_server;
mod bearer;
mod bounds;
mod cache;
mod connections;
mod gone;
mod house;
mod labels;
mod local_keys;
mod outages;
mod proxy;
mod sharing;
mod signatures;
mod signer;
#[path = "../support/mod.rs"]
pub mod support;
mod tls;
mod trusted_itself;
mod watched_labels;
