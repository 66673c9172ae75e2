//! The life of a process: starting, telling how it is, stopping; each seen from outside.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod asking;
mod grpc;
mod readiness;
mod start;
mod stop;
#[path = "../support/mod.rs"]
pub mod support;
