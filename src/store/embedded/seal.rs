//! Secrets at rest: sealed under the store's key, each bound to its place.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};

use crate::core::store_key::StoreKey;
use crate::ports::{NoRandom, Random};

/// What separates these keys from others that may be derived from the same one.
const PURPOSE: &[u8] = b"rolegate store, value at rest";

/// How many random bytes of a value choose its key; as many more are its nonce. Together they do not repeat,
/// however many values are sealed.
const CHOICE: usize = 16;

/// What the store's key seals, and what of it is known without the key: nothing. Not shown.
pub(super) struct Seal {
    root: Prk,
    random: Arc<dyn Random>,
}

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    #[error("a sealed value does not open with the store's key")]
    Broken,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[seal]")
    }
}

impl Seal {
    pub(super) fn new(key: &StoreKey, random: Arc<dyn Random>) -> Self {
        Self { root: Salt::new(HKDF_SHA256, &[]).extract(key.expose()), random }
    }

    /// Seals a value for the place that `code` and `name` tell: choice of key, nonce, text, tag.
    pub(super) fn close(&self, code: u8, name: &[u8], value: &[u8]) -> Result<Vec<u8>, SealError> {
        let (mut choice, mut nonce) = ([0; CHOICE], [0; NONCE_LEN]);
        self.random.fill(&mut choice)?;
        self.random.fill(&mut nonce)?;
        let mut sealed = [choice.as_slice(), &nonce].concat();
        let mut text = value.to_vec();
        self.key(&choice)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place(code, name), &mut text)
            .map_err(|_| SealError::Broken)?;
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    pub(super) fn open(&self, code: u8, name: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (choice, rest) = sealed.split_first_chunk::<CHOICE>().ok_or(SealError::Broken)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Broken)?;
        let mut text = text.to_vec();
        let opened = self
            .key(choice)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), place(code, name), &mut text)
            .map_err(|_| SealError::Broken)?
            .len();
        text.truncate(opened);
        Ok(text)
    }

    fn key(&self, choice: &[u8; CHOICE]) -> Result<LessSafeKey, SealError> {
        let info = [PURPOSE, choice.as_slice()];
        let derived = self.root.expand(&info, &AES_256_GCM).map_err(|_| SealError::Broken)?;
        Ok(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

fn place(code: u8, name: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([&[code], name].concat())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Seal, SealError};
    use crate::core::store_key::StoreKey;
    use crate::ports::{NoRandom, Random};

    #[derive(Debug)]
    struct System;

    impl Random for System {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
            getrandom::fill(bytes).map_err(|_| NoRandom)
        }
    }

    fn seal(digits: &str) -> Seal {
        Seal::new(&StoreKey::parse(&digits.repeat(32)).unwrap(), Arc::new(System))
    }

    #[test]
    fn a_value_opens_in_its_own_place_with_its_own_key_and_nowhere_else() {
        let sealed = seal("01").close(2, b"kubernetes", b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
        assert_eq!(seal("01").open(2, b"kubernetes", &sealed).unwrap(), b"hunter2");
        assert_eq!(seal("02").open(2, b"kubernetes", &sealed), Err(SealError::Broken));
        assert_eq!(seal("01").open(3, b"kubernetes", &sealed), Err(SealError::Broken));
        assert_eq!(seal("01").open(2, b"kubernetez", &sealed), Err(SealError::Broken));
    }

    #[test]
    fn a_changed_or_shortened_value_does_not_open() {
        let sealed = seal("01").close(2, b"k", b"hunter2").unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(seal("01").open(2, b"k", &changed), Err(SealError::Broken), "{position}");
            assert_eq!(seal("01").open(2, b"k", &sealed[..position]), Err(SealError::Broken), "{position}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        let (first, second) =
            (seal("01").close(2, b"k", b"v").unwrap(), seal("01").close(2, b"k", b"v").unwrap());
        assert_ne!(first[..16], second[..16]);
        assert_ne!(first[16..28], second[16..28]);
    }
}
