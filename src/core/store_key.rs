//! The key that seals secrets at rest.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// 32 bytes, written as 64 hex digits or in base64 of either alphabet. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey([u8; Self::LENGTH]);

/// A text that is no such key. Does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a key of 32 bytes, as 64 hex digits or in base64")]
pub struct StoreKeyError;

impl StoreKey {
    const LENGTH: usize = 32;

    /// Reads a key; blanks around it do not count.
    ///
    /// # Errors
    /// Where the text is no key.
    pub fn parse(text: &str) -> Result<Self, StoreKeyError> {
        let text = text.trim();
        let bytes = if text.len() == 2 * Self::LENGTH { hex(text) } else { base64(text) };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(StoreKeyError)
    }

    /// Takes the bytes out, for the one place that derives from them.
    pub const fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[store key]")
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{StoreKey, StoreKeyError};

    #[test]
    fn a_key_is_read_from_hex_and_from_base64() {
        let key = StoreKey::parse(&"fB".repeat(32)).unwrap();
        assert_eq!(key.expose(), &[0xfb; 32]);
        for text in [
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s",
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=\n",
        ] {
            assert_eq!(StoreKey::parse(text).as_ref(), Ok(&key), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_of_32_bytes_is_refused_without_showing_it() {
        for text in
            ["", "hunter2", &"a".repeat(63), &"g".repeat(64), &"é".repeat(32), &"+f".repeat(32), "AAAA"]
        {
            assert_eq!(StoreKey::parse(text), Err(StoreKeyError), "{text}");
        }
        assert!(!StoreKeyError.to_string().contains("hunter2"));
        assert_eq!(format!("{:?}", StoreKey::parse(&"00".repeat(32))), "Ok([store key])");
    }
}
