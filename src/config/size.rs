//! Sizes in bytes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// `envoy.max_message_bytes`: the largest CheckRequest that is read, in bytes; from 1 MiB to 64 MiB.
///
/// Below 1 MiB, requests with long headers would be refused. All messages that are read at one time have 256 MiB
/// together, so that larger ones would keep each other out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMessageBytes(usize);

impl MaxMessageBytes {
    const MIN: u64 = 1 << 20;
    const MAX: u64 = 64 << 20;

    /// The number of bytes.
    pub const fn get(self) -> usize {
        self.0
    }

    fn new(bytes: u64) -> Option<Self> {
        let fits = (Self::MIN..=Self::MAX).contains(&bytes);
        usize::try_from(bytes).ok().filter(|_| fits).map(Self)
    }
}

impl Default for MaxMessageBytes {
    /// 4 MiB.
    fn default() -> Self {
        Self(4 << 20)
    }
}

impl<'de> Deserialize<'de> for MaxMessageBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Size)
    }
}

struct Size;

impl Visitor<'_> for Size {
    type Value = MaxMessageBytes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of bytes from 1 MiB to 64 MiB, such as `4MiB` or 4194304")
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<MaxMessageBytes, E> {
        MaxMessageBytes::new(bytes).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(bytes), &self))
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<MaxMessageBytes, E> {
        u64::try_from(bytes)
            .ok()
            .and_then(MaxMessageBytes::new)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MaxMessageBytes, E> {
        bytes(text)
            .and_then(MaxMessageBytes::new)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Digits, and a unit of powers of 1,024 or none.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::MaxMessageBytes;

    fn read(yaml: &str) -> Result<usize, String> {
        let read: Result<MaxMessageBytes, _> = serde_saphyr::from_str(yaml);
        read.map(MaxMessageBytes::get).map_err(|error| error.to_string())
    }

    #[test]
    fn a_size_is_a_number_of_bytes_with_or_without_a_unit() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("8388608", 8 << 20),
            ("\"8388608\"", 8 << 20),
            ("1024KiB", 1 << 20),
            ("4MiB", 4 << 20),
            ("8MiB", 8 << 20),
            ("64MiB", 64 << 20),
        ] {
            assert_eq!(read(text), Ok(bytes), "{text}");
        }
        assert_eq!(MaxMessageBytes::default().get(), 4 << 20);
    }

    #[test]
    fn a_size_without_sense_is_an_error_that_says_what_is_expected() {
        for text in [
            "0",
            "-1",
            "1048575",
            "67108865",
            "65MiB",
            "1023KiB",
            "4MB",
            "4 MiB",
            "4mib",
            "MiB",
            "+4MiB",
            "4.5MiB",
            "18446744073709551615MiB",
            "99999999999999999999999",
            "true",
            "[]",
            "\"\"",
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("from 1 MiB to 64 MiB, such as `4MiB`"), "{text}: {error}");
        }
    }
}
