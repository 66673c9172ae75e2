//! A plugin of a Vault or OpenBao core: the Kubernetes backend behind go-plugin's gRPC instead of HTTP.
//!
//! The core keeps tokens, policies, storage and audit; what is here answers `login`, `config` and `role` by the same
//! handlers as the Vault door.

mod auth;
pub mod backend;
mod entries;
pub mod handshake;
pub mod memory;
mod outcome;
pub mod runtime;
pub mod seam;
pub mod socket;
pub mod tls;
pub mod wire;
