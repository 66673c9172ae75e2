//! Where mounts and roles come from, and where entries are kept.

pub mod check;
pub mod file;
pub mod seed;
