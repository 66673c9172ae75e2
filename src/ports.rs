//! What the gate needs from the world.

/// Where the time comes from, so that a test can set it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Seconds since 1970-01-01T00:00:00Z.
    fn unix_now(&self) -> i64;
}
