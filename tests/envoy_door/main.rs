//! The Envoy door over real HTTP/2 connections: Check as Envoy's own client calls it, and byte by byte.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod authority;
mod checks;
mod client_tokens;
mod frames;
mod logins;
mod raw;
mod rejections;
mod shared_connection;
mod support;
mod wire;
