//! Why a configuration is refused, in one line.

use std::path::Path;

/// Names the file or variable, the key as a dotted path, and what is expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {}{expected}", Prefix(key))]
pub struct ConfigError {
    place: String,
    key: String,
    expected: String,
}

struct Prefix<'a>(&'a str);

impl std::fmt::Display for Prefix<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, "{}: ", self.0) }
    }
}

impl ConfigError {
    /// Something wrong in a file; the key is empty where it is the file as a whole.
    pub fn new(file: &Path, key: impl Into<String>, expected: impl ToString) -> Self {
        Self::at(file.display(), key, expected)
    }

    /// Something wrong in a file or an environment variable.
    pub(super) fn at(place: impl ToString, key: impl Into<String>, expected: impl ToString) -> Self {
        let lines = expected.to_string();
        let expected = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
        Self { place: place.to_string(), key: key.into(), expected: expected.join(" ") }
    }

    /// The key as a dotted path, such as `mounts.kubernetes.config`.
    pub fn key(&self) -> &str {
        &self.key
    }
}
