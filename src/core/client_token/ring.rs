//! The keys that seal batch tokens: the newest seals, older ones open what they have sealed until that has expired.

use serde::{Deserialize, Serialize};

use super::encoding::Unreadable;
use crate::core::mount::about::SYSTEM_MAX_LEASE;

/// The most keys of a ring.
pub const MAX_KEYS: usize = 32;

/// How long a key seals, in seconds (30 days).
///
/// Nonces are random: at 100 tokens a second a key has then made 2^28 of them, and two alike are less likely than 2^-41.
pub const SEALS_FOR: i64 = 30 * DAY;

const DAY: i64 = 24 * 3600;
const FORMAT: u8 = 1;

/// The keys, the oldest first; never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing(Vec<SealKey>);

/// One key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealKey {
    /// Its number in the ring.
    pub(super) id: u32,
    created: i64,
    /// When the last token that it may have sealed has expired.
    needed_until: i64,
    pub(super) key: [u8; 32],
}

impl KeyRing {
    /// A ring of one key.
    pub fn new(key: [u8; 32], now: i64) -> Self {
        Self(vec![SealKey::new(1, key, now)])
    }

    /// The same ring with a new key that seals from now on, without those that nothing needs any more. None where it
    /// is full of keys that are needed.
    pub fn rotated(&self, key: [u8; 32], now: i64) -> Option<Self> {
        let id = self.newest()?.id.checked_add(1)?;
        let mut keys: Vec<_> = self.0.iter().filter(|key| key.needed_until >= now).cloned().collect();
        keys.push(SealKey::new(id, key, now));
        (keys.len() <= MAX_KEYS).then_some(Self(keys))
    }

    /// Whether the newest key has sealed for long enough.
    pub fn is_due(&self, now: i64) -> bool {
        self.newest().is_some_and(|key| now.saturating_sub(key.created) >= SEALS_FOR)
    }

    /// The ring that keeps its newest key for a token with this expiry; none where it does so anyway.
    pub fn needed_for(&self, expires: i64) -> Option<Self> {
        self.newest().filter(|key| key.needed_until < expires)?;
        let mut ring = self.clone();
        let newest = ring.0.last_mut()?;
        // To the next day, so that few tokens change the ring.
        newest.needed_until = expires.saturating_add(DAY);
        Some(ring)
    }

    /// The key that seals.
    pub fn newest(&self) -> Option<&SealKey> {
        self.0.last()
    }

    /// The key of that number.
    pub fn key(&self, id: u32) -> Option<&SealKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The ring in bytes. They are secret.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(&self.0, vec![FORMAT]).unwrap_or_default()
    }

    /// The ring of these bytes.
    ///
    /// # Errors
    /// Where they are none, or one without keys or with too many.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let Some((&FORMAT, rest)) = bytes.split_first() else { return Err(Unreadable) };
        match postcard::take_from_bytes::<Vec<SealKey>>(rest) {
            Ok((keys, [])) if (1..=MAX_KEYS).contains(&keys.len()) => Ok(Self(keys)),
            _ => Err(Unreadable),
        }
    }
}

impl SealKey {
    const fn new(id: u32, key: [u8; 32], now: i64) -> Self {
        let needed_until = now.saturating_add(SEALS_FOR + SYSTEM_MAX_LEASE + DAY);
        Self { id, created: now, needed_until, key }
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(&self.0).finish()
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "key {}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, KeyRing, MAX_KEYS, SEALS_FOR};

    #[test]
    fn rotation_keeps_keys_until_what_they_sealed_has_expired() {
        let ring = KeyRing::new([1; 32], 0);
        let last = ring.newest().unwrap().needed_until;
        let rotated = ring.rotated([2; 32], last).unwrap();
        assert_eq!((rotated.0.len(), rotated.newest().unwrap().key), (2, [2; 32]));
        let rotated = ring.rotated([2; 32], last + 1).unwrap();
        assert_eq!((rotated.0.len(), rotated.newest().unwrap().id), (1, 2));
    }

    #[test]
    fn a_long_lived_token_keeps_its_key() {
        let ring = KeyRing::new([1; 32], 0);
        assert_eq!(ring.needed_for(768 * 3600), None);
        let expires = 400 * DAY;
        let ring = ring.needed_for(expires).unwrap();
        assert_eq!(ring.needed_for(expires), None);
        assert!(ring.rotated([2; 32], expires).unwrap().key(1).is_some());
        assert!(ring.rotated([2; 32], expires + DAY + 1).unwrap().key(1).is_none());
    }

    #[test]
    fn a_ring_that_is_full_of_needed_keys_takes_no_more() {
        let mut ring = KeyRing::new([0; 32], 0);
        for _ in 1..MAX_KEYS {
            ring = ring.rotated([1; 32], 0).unwrap();
        }
        assert_eq!(ring.rotated([1; 32], 0), None);
        assert_eq!(KeyRing::from_bytes(&ring.to_bytes()), Ok(ring));
    }

    #[test]
    fn a_key_seals_for_thirty_days() {
        let ring = KeyRing::new([0; 32], 5);
        assert!(!ring.is_due(SEALS_FOR + 4));
        assert!(ring.is_due(SEALS_FOR + 5));
    }

    #[test]
    fn bytes_that_are_no_ring_are_refused_and_keys_do_not_show() {
        let ring = KeyRing::new([0xab; 32], 0);
        let bytes = ring.to_bytes();
        assert_eq!(KeyRing::from_bytes(&bytes), Ok(ring.clone()));
        for bad in [&[][..], &[1, 0], &[2, 0], &bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
            assert!(KeyRing::from_bytes(bad).is_err(), "{bad:?}");
        }
        assert_eq!(format!("{ring:?}"), "[key 1]");
    }
}
