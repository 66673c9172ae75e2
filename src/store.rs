//! Where mounts and roles come from, and where entries are kept.

pub mod check;
pub mod copies;
pub mod declared;
pub mod embedded;
mod expectation;
pub mod file;
pub mod kubernetes;
pub mod memory;
