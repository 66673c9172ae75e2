//! The manifests of `kind/`: taken whole by the real API server, and used as they are by rolegate and the real Envoy.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
pub mod support;

mod applied;
mod cluster;
mod compare;
mod gate;
mod gateway;
mod kubectl;
mod kustomize;
mod mesh;
mod mounted;
mod pod;
mod rights;
mod settings;
