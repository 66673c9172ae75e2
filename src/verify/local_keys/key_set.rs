//! The keys of one reading, by their ids.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::core::jwks::{JwksError, parse_jwks};
use crate::verify::signature::VerifyingKey;

/// The keys that an API server published at one moment.
#[derive(Debug)]
pub(super) struct KeySet(HashMap<String, Named>);

/// What an id names.
#[derive(Debug)]
pub(super) enum Named {
    /// One key that can verify.
    One(Box<VerifyingKey>),
    /// One key that is not taken: of another type, weak, or contradicting itself.
    Unusable,
    /// More than one key.
    Many,
}

/// Why an answer is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] JwksError),
    /// No token can be verified by it.
    #[error("a set without a key that can be used")]
    NoKey,
}

impl KeySet {
    /// Reads an answer of at least one key that can verify.
    pub(super) fn parse(jwks: &[u8]) -> Result<Self, KeySetError> {
        let mut by_id = HashMap::new();
        for published in parse_jwks(jwks)? {
            let key = published.key.and_then(|key| VerifyingKey::new(key.kind, &key.bytes));
            let named = key.map_or(Named::Unusable, |key| Named::One(Box::new(key)));
            match by_id.entry(published.kid) {
                Entry::Vacant(entry) => {
                    entry.insert(named);
                }
                Entry::Occupied(mut entry) => {
                    entry.insert(Named::Many);
                }
            }
        }
        let set = Self(by_id);
        if set.usable() == 0 { Err(KeySetError::NoKey) } else { Ok(set) }
    }

    /// What this id names, if it is there.
    pub(super) fn get(&self, kid: &str) -> Option<&Named> {
        self.0.get(kid)
    }

    /// How many keys can verify.
    pub(super) fn usable(&self) -> usize {
        self.0.values().filter(|named| matches!(named, Named::One(_))).count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{JwksError, KeySet, KeySetError, Named};

    /// A point on P-256: RFC 7515 appendix A.3.1.
    fn p256(kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
               "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn parse(keys: &Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn an_id_names_one_key_or_none_that_can_be_used_or_many() {
        let mut beside = p256("beside");
        beside["y"] = beside["x"].clone();
        let unknown = json!({"kty": "new", "kid": "twice"});
        let set =
            parse(&json!([p256("one"), p256("twice"), unknown, beside, p256("two"), p256("two")])).unwrap();
        assert!(matches!(set.get("one"), Some(Named::One(_))));
        assert!(matches!(set.get("beside"), Some(Named::Unusable)), "a point that is not on the curve");
        assert!(matches!(set.get("twice"), Some(Named::Many)));
        assert!(matches!(set.get("two"), Some(Named::Many)));
        assert!(set.get("none").is_none());
        assert_eq!(set.usable(), 1);
    }

    #[test]
    fn a_set_that_verifies_nothing_is_not_taken() {
        for keys in [json!([]), json!([{"kty": "new", "kid": "a"}]), json!([p256("a"), p256("a")])] {
            assert_eq!(parse(&keys).err(), Some(KeySetError::NoKey), "{keys}");
        }
        assert_eq!(KeySet::parse(b"{}").err(), Some(KeySetError::Unreadable(JwksError::NotASet)));
    }
}
