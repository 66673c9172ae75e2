//! The paths below `sys/`.

pub mod capabilities;
pub mod policies;
