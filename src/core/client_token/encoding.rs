//! A record in bytes: one byte for the format, then postcard's layout of the fields in their order.
//!
//! Another order, type or number of fields is another format: give it another first byte, and read the old one on.

use super::ClientToken;

/// The format that is written.
const FORMAT: u8 = 1;

/// Bytes that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token's record, or one of a later version")]
pub struct Unreadable;

impl ClientToken {
    /// The record in bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(384);
        bytes.push(FORMAT);
        // Fails for lists without a length alone, and there are none.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// The record of these bytes, all of them.
    ///
    /// # Errors
    /// Where they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let Some((&FORMAT, rest)) = bytes.split_first() else { return Err(Unreadable) };
        match postcard::take_from_bytes(rest) {
            Ok((record, [])) => Ok(record),
            _ => Err(Unreadable),
        }
    }
}

/// `token_bound_cidrs` as texts.
pub(super) mod cidrs {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::core::cidr::BoundCidr;

    pub(in super::super) fn serialize<S: Serializer>(cidrs: &[BoundCidr], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(cidrs.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<BoundCidr>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| BoundCidr::parse(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}
