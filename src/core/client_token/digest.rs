//! What a token is kept under: a digest, so that no token is kept.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// SHA-256 of a token's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a token.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        // SHA-256 fills it exactly.
        let digest = digest(&SHA256, token.as_bytes());
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self(bytes)
    }

    /// The digest that an entry's name or value holds.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Debug for TokenDigest {
    /// Its first four bytes: enough to find it again in a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::TokenDigest;

    #[test]
    fn a_digest_is_sha_256_and_shows_its_beginning_alone() {
        let digest = TokenDigest::of("abc");
        assert_eq!(format!("{digest:?}"), "ba7816bf");
        assert_eq!(TokenDigest::read(&digest.0), Some(digest));
        assert_eq!(TokenDigest::read(b"abc"), None);
    }
}
