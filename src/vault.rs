//! What Vault's paths do, free of HTTP: a request comes in as path and fields, an outcome goes out.
//!
//! The listener (`doors/vault`) turns HTTP into [`request::Request`] and [`outcome::Outcome`] into status and envelope;
//! another transport may do the same with its own wire.

mod acls;
mod administration;
mod admit;
pub mod call;
pub mod envelope;
mod identity;
pub mod kubernetes;
pub mod outcome;
pub mod request;
mod route;
pub mod service;
pub mod shown;
pub mod sys;
pub mod token;
mod trail;

use std::future::Future;
use std::pin::Pin;

use outcome::Outcome;
use request::Request;

/// Whoever answers requests.
pub trait Handle: Send + Sync + std::fmt::Debug {
    /// Answers one request: who asks, whether they may, and what comes of it. Never panics on any input.
    fn handle(&self, request: Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>>;
}
