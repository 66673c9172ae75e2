//! Listeners over real sockets: what they take, refuse, and finish.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/certificates.rs"]
pub mod certificates;
mod drain;
mod limits;
mod places;
mod support;
mod tls;
