//! Tests of the service, over a store of their own that counts and fails as it is told.

mod batch;
mod collecting;
mod entities;
pub(crate) mod house;
mod lives;
mod server;
mod uses;
mod wrapping;
