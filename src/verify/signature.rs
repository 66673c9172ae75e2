//! Signatures under public keys: those of a mount's `pem_keys`, and those that API servers publish.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::core::keys::{KeyKind, parse_pem_keys};
use crate::core::token::{Algorithm, UnverifiedToken};

/// As lenient on the last character's unused bits as the reference.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The `pem_keys` of one mount, ready to check signatures.
#[derive(Debug)]
pub(super) struct Keys(Vec<VerifyingKey>);

impl Keys {
    /// The keys of all items; an item that holds none is left out, so it signs for nothing.
    pub(super) fn of(pem_keys: &[String]) -> Self {
        let keys = pem_keys.iter().filter_map(|item| parse_pem_keys(item).ok()).flatten();
        Self(keys.filter_map(|key| VerifyingKey::new(key.kind, &key.key)).collect())
    }

    /// Whether one of the keys signed the token's header and payload.
    pub(super) fn signed(&self, token: &UnverifiedToken<'_>) -> bool {
        let Ok(algorithm) = token.algorithm else { return false };
        self.0.iter().any(|key| key.signed(algorithm, token) == Some(true))
    }
}

/// A public key, parsed once.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    kind: KeyKind,
    /// For the algorithm of this kind that Kubernetes signs with.
    usual: ParsedPublicKey,
}

impl VerifyingKey {
    /// The key of an `RSAPublicKey` in DER, an uncompressed point, or 32 bytes of Ed25519; none where they are not sound.
    pub(super) fn new(kind: KeyKind, bytes: &[u8]) -> Option<Self> {
        let (_, algorithm) = parameters(usual(kind));
        Some(Self { kind, usual: ParsedPublicKey::new(algorithm, bytes).ok()? })
    }

    /// Whether the key signed the token's header and payload by this algorithm; none where it is not of the algorithm's
    /// kind.
    pub(super) fn signed(&self, algorithm: Algorithm, token: &UnverifiedToken<'_>) -> Option<bool> {
        let (kind, parameters) = parameters(algorithm);
        if kind != self.kind {
            return None;
        }
        let Ok(signature) = BASE64.decode(token.signature()) else { return Some(false) };
        let message = token.signed_part().as_bytes();
        Some(if algorithm == usual(kind) {
            self.usual.verify_sig(message, &signature).is_ok()
        } else {
            UnparsedPublicKey::new(parameters, self.usual.as_ref()).verify(message, &signature).is_ok()
        })
    }
}

const fn usual(kind: KeyKind) -> Algorithm {
    match kind {
        KeyKind::Rsa => Algorithm::Rs256,
        KeyKind::P256 => Algorithm::Es256,
        KeyKind::P384 => Algorithm::Es384,
        KeyKind::P521 => Algorithm::Es512,
        KeyKind::Ed25519 => Algorithm::EdDsa,
    }
}

/// The kind of key that an algorithm takes, and how it verifies. A signature of ECDSA is `r` and `s`, each of the
/// curve's full length (RFC 7518 section 3.4).
fn parameters(algorithm: Algorithm) -> (KeyKind, &'static dyn VerificationAlgorithm) {
    match algorithm {
        Algorithm::Rs256 => (KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => (KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => (KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => (KeyKind::Rsa, &RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => (KeyKind::Rsa, &RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => (KeyKind::Rsa, &RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => (KeyKind::P256, &ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => (KeyKind::P384, &ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => (KeyKind::P521, &ECDSA_P521_SHA512_FIXED),
        Algorithm::EdDsa => (KeyKind::Ed25519, &ED25519),
    }
}
