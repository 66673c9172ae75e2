//! Signatures under a mount's `pem_keys`.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::verify;

use crate::core::keys::{KeyKind, PublicKey, parse_pem_keys};
use crate::core::token::{Algorithm, UnverifiedToken};

/// As lenient on the last character's unused bits as the reference.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The keys of one mount, ready to check signatures.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
enum Key {
    Known(KeyKind, DecodingKey),
    /// jsonwebtoken does not speak P-521.
    P521(UnparsedPublicKey<Vec<u8>>),
}

impl Keys {
    /// The keys of all items; an item that holds none is left out, so it signs for nothing.
    pub(super) fn of(pem_keys: &[String]) -> Self {
        Self(pem_keys.iter().filter_map(|item| parse_pem_keys(item).ok()).flatten().map(Key::of).collect())
    }

    /// Whether one of the keys signed the token's header and payload.
    pub(super) fn signed(&self, token: &UnverifiedToken<'_>) -> bool {
        let Ok(algorithm) = token.algorithm else { return false };
        let Ok(signature) = BASE64.decode(token.signature()) else { return false };
        self.0.iter().any(|key| key.signed(algorithm, token.signed_part().as_bytes(), &signature))
    }
}

impl Key {
    fn of(key: PublicKey) -> Self {
        match key.kind {
            KeyKind::Rsa => Self::Known(key.kind, DecodingKey::from_rsa_der(&key.key)),
            KeyKind::P256 | KeyKind::P384 => Self::Known(key.kind, DecodingKey::from_ec_der(&key.key)),
            KeyKind::P521 => Self::P521(UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, key.key)),
        }
    }

    fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, known(algorithm)) {
            (Self::Known(kind, key), Some((for_kind, algorithm))) => {
                *kind == for_kind
                    && verify(&BASE64.encode(signature), message, key, algorithm).unwrap_or(false)
            }
            (Self::P521(key), None) => key.verify(message, signature).is_ok(),
            _ => false,
        }
    }
}

/// The kind of key that an algorithm takes, and jsonwebtoken's name for it; none for ES512.
const fn known(algorithm: Algorithm) -> Option<(KeyKind, jsonwebtoken::Algorithm)> {
    use jsonwebtoken::Algorithm as Named;
    Some(match algorithm {
        Algorithm::Rs256 => (KeyKind::Rsa, Named::RS256),
        Algorithm::Rs384 => (KeyKind::Rsa, Named::RS384),
        Algorithm::Rs512 => (KeyKind::Rsa, Named::RS512),
        Algorithm::Ps256 => (KeyKind::Rsa, Named::PS256),
        Algorithm::Ps384 => (KeyKind::Rsa, Named::PS384),
        Algorithm::Ps512 => (KeyKind::Rsa, Named::PS512),
        Algorithm::Es256 => (KeyKind::P256, Named::ES256),
        Algorithm::Es384 => (KeyKind::P384, Named::ES384),
        Algorithm::Es512 => return None,
    })
}
