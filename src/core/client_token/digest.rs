//! What a token is kept under: a digest, so that no token is kept.

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use super::SERVICE_PREFIX;

/// How many bytes of a token that was made here, and of its digest, tell when: milliseconds since 1970, most significant
/// first.
pub const MOMENT_LEN: usize = 6;

/// How many random bytes such a token has behind them.
pub const SECRET_LEN: usize = 32;

/// The length of both in base64url.
const BODY_LEN: usize = (MOMENT_LEN + SECRET_LEN) * 4 / 3 + 1;

/// What stands for a token's text: the moment of a token that was made here and SHA-256, shortened to 26 bytes; of any
/// other text SHA-256 alone.
///
/// The moment comes first so that tokens made at one time lie together in a store: a new one then changes the same few
/// pages however many there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a token.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        let moment = moment(token);
        // SHA-256 fills the rest exactly, or more than that.
        let digest = digest(&SHA256, token.as_bytes());
        let whole = moment.iter().flatten().chain(digest.as_ref());
        bytes.iter_mut().zip(whole).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self(bytes)
    }

    /// The digest that an entry's name or value holds.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// The moment that the text of a token tells, where it has the form of one that was made here.
fn moment(token: &str) -> Option<[u8; MOMENT_LEN]> {
    let body = token.strip_prefix(SERVICE_PREFIX).filter(|body| body.len() == BODY_LEN)?;
    let whole = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
    whole.first_chunk().copied()
}

impl std::fmt::Debug for TokenDigest {
    /// Four bytes behind the moment: enough to find it again in a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().skip(MOMENT_LEN).take(4).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    use super::{MOMENT_LEN, SECRET_LEN, TokenDigest};

    #[test]
    fn a_digest_is_sha_256_and_shows_four_bytes_alone() {
        let digest = TokenDigest::of("abc");
        assert_eq!(digest.0[..12], *b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde");
        assert_eq!(format!("{digest:?}"), "cfea4141");
        assert_eq!(TokenDigest::read(&digest.0), Some(digest));
        assert_eq!(TokenDigest::read(b"abc"), None);
    }

    #[test]
    fn the_digest_of_a_token_that_was_made_here_begins_with_its_moment() {
        let text = |moment: [u8; MOMENT_LEN], secret: [u8; SECRET_LEN]| {
            format!("hvs.{}", BASE64_URL_SAFE_NO_PAD.encode([&moment[..], &secret[..]].concat()))
        };
        let moment = [1, 2, 3, 4, 5, 6];
        let [one, other] = [[7; 32], [8; 32]].map(|secret| TokenDigest::of(&text(moment, secret)));
        assert_eq!([&one.0[..MOMENT_LEN], &other.0[..MOMENT_LEN]], [&moment, &moment]);
        assert_ne!(one, other);
        assert_ne!(one.0[MOMENT_LEN..], [7; 26]);
        // Neither of another length nor of another form.
        for text in [format!("{}A", text(moment, [7; 32])), text(moment, [7; 32]).replace("hvs.", "s.")] {
            assert_ne!(TokenDigest::of(&text).0[..MOMENT_LEN], moment, "{text}");
        }
    }
}
