//! The doors: wire formats in, wire formats out.

mod client_address;
pub mod envoy;
pub mod ops;
pub mod vault;
