//! The doors: wire formats in, wire formats out.

mod client_address;
pub mod decision_id;
pub mod envoy;
pub mod ops;
pub mod record;
pub mod vault;
