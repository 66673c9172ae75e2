//! The doors: wire formats in, wire formats out.

pub mod decision_id;
pub mod envoy;
pub mod ops;
pub mod record;
