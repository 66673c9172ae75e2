//! The Vault door over real sockets, in front of a handler that does as it is told.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod bodies;
mod connections;
mod garbage;
mod headers;
mod logs;
mod paths;
mod status;
mod support;
mod wire;
