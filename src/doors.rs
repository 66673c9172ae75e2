//! The doors: wire formats in, wire formats out.

pub mod ops;
