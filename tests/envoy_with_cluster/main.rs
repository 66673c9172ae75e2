//! The whole way with the real parts: Envoy in front, `rolegate server` behind it, a kube-apiserver behind that.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

mod allowed;
mod api_server_away;
mod bounds;
mod client_tokens;
mod gate_connection;
mod grpc_callers;
mod lookups;
mod mounts;
mod policies;
mod published_keys;
mod refusals;
mod reload;
mod request_bytes;
mod routes;
mod stage;
#[path = "../support/mod.rs"]
pub mod support;
mod token_places;
