//! The Envoy door: `envoy.service.auth.v3.Authorization/Check`.

pub mod answer;
mod client_address;
mod client_token;
mod cookies;
mod credentials;
pub mod door;
mod grpc;
mod message_budget;
mod name_value;
mod query;
mod refusal;
mod rejection;
pub mod request;
mod role_choice;
mod route_table;
pub mod service;
#[cfg(test)]
mod testing;
mod timed_body;
mod token_source;
pub mod wire;
