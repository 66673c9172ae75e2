//! Copies of a store for a backup.

use super::store::Stored;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The file on the server's machine.
    pub file: String,
    /// How many entries it holds.
    pub entries: u64,
    /// Its length.
    pub bytes: u64,
}

/// Whoever can copy the store while it runs.
pub trait Copies: Send + Sync + std::fmt::Debug {
    /// Writes everything as it is at this moment into a new file of this name, which holds letters, digits, `-`, `_`
    /// and inner dots alone; durable when it resolves.
    fn copy<'a>(&'a self, name: &'a str) -> Stored<'a, Copy>;
}
