//! The Envoy door: `envoy.service.auth.v3.Authorization/Check`.

pub mod answer;
mod client_address;
pub mod door;
mod grpc;
mod path;
pub mod request;
mod role_choice;
pub mod service;
mod token_source;
pub mod wire;
