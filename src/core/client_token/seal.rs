//! Batch tokens: a record sealed into the token's own text, so that any replica opens it and none has to remember it.
//!
//! `hvb.` and, in base64url, the key's number, the nonce, and the record under AES-256-GCM. The number is sealed along.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::ring::{KeyRing, SealKey};
use super::{BATCH_PREFIX, ClientToken, MAX_TOKEN_LEN};
use crate::core::secret::Secret;

/// What a nonce is made of.
pub type NonceBytes = [u8; NONCE_LEN];

/// A record that gives no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// With its metadata it is longer than a token may be.
    #[error("the token would be longer than {MAX_TOKEN_LEN} bytes")]
    TooLong,
    /// The cipher has failed.
    #[error("the token could not be sealed")]
    Cipher,
}

/// A text that opens to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is no batch token, or not one of ours.
    #[error("not a batch token")]
    NotAToken,
    /// It names a key that is not in this ring; a newer ring may have it.
    #[error("sealed with an unknown key")]
    UnknownKey,
}

/// The token with this record. The nonce must be random: two alike under one key betray what is sealed.
///
/// # Errors
/// For a record that is too long.
pub fn seal(ring: &KeyRing, record: &ClientToken, nonce: NonceBytes) -> Result<Secret, SealError> {
    let key = ring.newest().ok_or(SealError::Cipher)?;
    let head = key.id.to_be_bytes();
    let mut sealed = record.to_bytes();
    cipher(key)
        .ok_or(SealError::Cipher)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(head), &mut sealed)
        .map_err(|_| SealError::Cipher)?;
    let body = [&head[..], &nonce[..], &sealed[..]].concat();
    let token = [BATCH_PREFIX, &BASE64_URL_SAFE_NO_PAD.encode(body)].concat();
    if token.len() > MAX_TOKEN_LEN {
        return Err(SealError::TooLong);
    }
    Ok(Secret::from(token))
}

/// The record that was sealed into this token.
///
/// # Errors
/// For whatever no key of the ring has sealed, to the last bit.
pub fn open(ring: &KeyRing, token: &str) -> Result<ClientToken, OpenError> {
    let text = token.strip_prefix(BATCH_PREFIX).filter(|_| token.len() <= MAX_TOKEN_LEN);
    let body = text.and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).ok_or(OpenError::NotAToken)?;
    let (head, rest) = body.split_first_chunk::<4>().ok_or(OpenError::NotAToken)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::NotAToken)?;
    let key = ring.key(u32::from_be_bytes(*head)).ok_or(OpenError::UnknownKey)?;
    let mut sealed = sealed.to_vec();
    cipher(key)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = cipher.open_in_place(nonce, Aad::from(*head), &mut sealed).ok()?;
            ClientToken::from_bytes(opened).ok()
        })
        .ok_or(OpenError::NotAToken)
}

fn cipher(key: &SealKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, &key.key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    use super::{OpenError, SealError, open, seal};
    use crate::core::client_token::ring::KeyRing;
    use crate::core::client_token::tests::{batch, login_token};
    use crate::core::client_token::{BATCH_PREFIX, ClientToken, MAX_TOKEN_LEN};

    const NONCE: [u8; 12] = [7; 12];

    fn sealed(ring: &KeyRing) -> String {
        seal(ring, &batch(), NONCE).unwrap().expose().to_owned()
    }

    fn body(token: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(BATCH_PREFIX).unwrap()).unwrap()
    }

    #[test]
    fn a_sealed_record_comes_out_again_and_does_not_show() {
        let ring = KeyRing::new([1; 32], 0);
        let token = sealed(&ring);
        assert_eq!(open(&ring, &token), Ok(batch()));
        assert!(!body(&token).windows(6).any(|window| window == b"orders"));
    }

    #[test]
    fn rotation_invalidates_no_token() {
        let ring = KeyRing::new([1; 32], 0);
        let token = sealed(&ring);
        let rotated = ring.rotated([2; 32], 10).unwrap();
        assert_eq!(open(&rotated, &token), Ok(batch()));
        let newer = sealed(&rotated);
        assert_eq!(open(&rotated, &newer), Ok(batch()));
        assert_eq!(open(&ring, &newer), Err(OpenError::UnknownKey));
    }

    #[test]
    fn no_changed_bit_no_cut_and_no_other_key_opens() {
        let ring = KeyRing::new([1; 32], 0);
        let token = sealed(&ring);
        let body = body(&token);
        let text = |body: &[u8]| format!("{BATCH_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(body));
        for place in 0..body.len() {
            let mut other = body.clone();
            other[place] ^= 1;
            assert!(open(&ring, &text(&other)).is_err(), "bit in byte {place}");
            assert!(open(&ring, &text(&body[..place])).is_err(), "cut at {place}");
        }
        assert_eq!(open(&KeyRing::new([2; 32], 0), &token), Err(OpenError::NotAToken));
        assert_eq!(open(&ring, &token.replace("hvb.", "hvs.")), Err(OpenError::NotAToken));
        assert_eq!(open(&ring, &format!("{token}=")), Err(OpenError::NotAToken));
        assert_eq!(open(&ring, BATCH_PREFIX), Err(OpenError::NotAToken));
    }

    #[test]
    fn another_keys_number_does_not_open() {
        let ring = KeyRing::new([1; 32], 0).rotated([1; 32], 0).unwrap();
        let token = sealed(&ring);
        let mut body = body(&token);
        body[3] = 1;
        let token = [BATCH_PREFIX, &BASE64_URL_SAFE_NO_PAD.encode(body)].concat();
        assert_eq!(open(&ring, &token), Err(OpenError::NotAToken), "the same key under another number");
    }

    #[test]
    fn what_is_too_long_is_not_sealed() {
        let record = ClientToken { display_name: "x".repeat(MAX_TOKEN_LEN), ..login_token() };
        assert_eq!(seal(&KeyRing::new([1; 32], 0), &record, NONCE), Err(SealError::TooLong));
    }
}
