//! The keys that an API server publishes: a JWK Set (RFC 7517), RSA, ECDSA and Ed25519.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::json::{Document, Kind, Value};
use super::keys::KeyKind;

/// The most keys that a set may have.
pub const MAX_KEYS: usize = 64;

/// The sizes of RSA moduli that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What published keys say of the signature of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LocalSignature {
    /// The key that the token names has signed it. Whether the token still counts is for a review to say.
    Proven,
    /// The key that the token names was read not long ago, and has not signed it.
    Forged,
    /// Neither: the key is not known, is not the only one of its id, does not fit, or was read too long ago.
    #[default]
    Unknown,
}

/// One key of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// `kid`, which is not empty.
    pub kid: String,
    /// What verifies a signature; none for a key that is not taken.
    pub key: Option<KeyMaterial>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMaterial {
    /// RSA, ECDSA with its curve, or Ed25519.
    pub kind: KeyKind,
    /// An `RSAPublicKey` in DER (RFC 8017), an uncompressed point (SEC 1), or the 32 bytes of RFC 8032.
    pub bytes: Vec<u8>,
}

/// Why a text is not taken as a set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JSON object with a list `keys` of objects.
    #[error("not a JWK Set")]
    NotASet,
    /// More than [`MAX_KEYS`].
    #[error("a set of more than {MAX_KEYS} keys")]
    TooMany,
}

/// Reads a JWK Set. A key without `kid` is left out, for no token can name it. A key of an unknown type, one that is too
/// weak, and one whose members contradict each other or its use are named without key material.
///
/// # Errors
/// Where it is no set, or one of too many keys.
pub fn parse_jwks(text: &[u8]) -> Result<Vec<PublishedKey>, JwksError> {
    let document = Document::parse(text).map_err(|_| JwksError::NotASet)?;
    let keys = member(document.value(), "keys").ok_or(JwksError::NotASet)?;
    if keys.kind != Kind::Array || keys.items().any(|key| key.kind != Kind::Object) {
        return Err(JwksError::NotASet);
    }
    if keys.items().count() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let named = keys.items().filter_map(|key| {
        let kid = text_of(key, "kid").filter(|kid| !kid.is_empty())?;
        Some(PublishedKey { kid, key: material(key) })
    });
    Ok(named.collect())
}

/// The key itself, if it may be used for the signatures of tokens (RFC 7517 sections 4.2 to 4.4).
fn material(key: Value<'_>) -> Option<KeyMaterial> {
    let is_absent_or = |name: &str, fits: &dyn Fn(Value<'_>) -> bool| member(key, name).is_none_or(fits);
    let for_signatures = is_absent_or("use", &|value| value.as_text().as_deref() == Some("sig"))
        && is_absent_or("key_ops", &|value| {
            value.items().any(|operation| operation.as_text().as_deref() == Some("verify"))
        });
    let (kind, bytes) = match text_of(key, "kty")?.as_str() {
        "RSA" => (KeyKind::Rsa, rsa(&bytes_of(key, "n")?, &bytes_of(key, "e")?)?),
        "EC" => elliptic(key)?,
        "OKP" if text_of(key, "crv")? == "Ed25519" => (KeyKind::Ed25519, bytes_of(key, "x")?),
        _ => return None,
    };
    let fits = is_absent_or("alg", &|value| {
        value.as_text().is_some_and(|named| algorithms(kind).contains(&&*named))
    });
    let is_whole = kind != KeyKind::Ed25519 || bytes.len() == 32;
    (for_signatures && fits && is_whole).then_some(KeyMaterial { kind, bytes })
}

/// The values of `alg` that a key of this kind may have.
const fn algorithms(kind: KeyKind) -> &'static [&'static str] {
    match kind {
        KeyKind::Rsa => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        KeyKind::P256 => &["ES256"],
        KeyKind::P384 => &["ES384"],
        KeyKind::P521 => &["ES512"],
        KeyKind::Ed25519 => &["EdDSA", "Ed25519"],
    }
}

/// A point in SEC 1's uncompressed form; its coordinates have the curve's full length (RFC 7518 section 6.2.1).
fn elliptic(key: Value<'_>) -> Option<(KeyKind, Vec<u8>)> {
    let (kind, length) = match text_of(key, "crv")?.as_str() {
        "P-256" => (KeyKind::P256, 32),
        "P-384" => (KeyKind::P384, 48),
        "P-521" => (KeyKind::P521, 66),
        _ => return None,
    };
    let (x, y) = (bytes_of(key, "x")?, bytes_of(key, "y")?);
    (x.len() == length && y.len() == length).then(|| (kind, [&[4], &*x, &*y].concat()))
}

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1), where modulus and exponent are sound. The exponent has at most 31 bits, as
/// in Go, which API servers are written in.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
    let bits = modulus.len().saturating_mul(8).saturating_sub(modulus.first()?.leading_zeros() as usize);
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let is_small = exponent.len() < 4 || (exponent.len() == 4 && exponent.first()? < &0x80);
    let is_sound = is_odd(modulus) && is_odd(exponent) && exponent != [1] && is_small;
    (RSA_BITS.contains(&bits) && is_sound)
        .then(|| der(0x30, &[der(0x02, &unsigned(modulus)), der(0x02, &unsigned(exponent))].concat()))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A number as DER's INTEGER, which has a sign.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let sign = number.first().is_some_and(|first| *first >= 0x80).then_some(0);
    sign.into_iter().chain(number.iter().copied()).collect()
}

/// Tag, length and content (X.690 section 8.1.3).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = without_zeros(&length);
    let mut out = vec![tag];
    match length {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight bytes of a length.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

fn member<'d>(object: Value<'d>, name: &str) -> Option<Value<'d>> {
    object.members().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn text_of(object: Value<'_>, name: &str) -> Option<String> {
    member(object, name)?.as_text().map(Into::into)
}

fn bytes_of(object: Value<'_>, name: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text_of(object, name)?).ok()
}

#[cfg(test)]
mod tests;
