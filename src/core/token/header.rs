//! The header of a compact JWS (RFC 7515 section 4.1).

use crate::core::json::{Document, Kind, Value};
use crate::core::reason::Deny;

/// The signature algorithms that are known (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// ECDSA on P-521 with SHA-512
    Es512,
    /// Ed25519. Such a token is not admitted, as in the reference.
    EdDsa,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// Which key a token says that it was signed with. Unverified.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeyHint {
    /// `kid`; none where it is missing, null or empty.
    pub kid: Option<String>,
    /// `alg`, where it is known, whether tokens of it are admitted or not.
    pub algorithm: Option<Algorithm>,
}

impl KeyHint {
    /// Reads a decoded header that was read before.
    pub(super) fn read(text: &[u8]) -> Self {
        let Ok(document) = Document::parse(text) else { return Self::default() };
        let mut hint = Self::default();
        for (key, member) in document.value().members() {
            match &*key {
                "kid" => hint.kid = member.as_text().map(Into::into).filter(|kid: &String| !kid.is_empty()),
                "alg" => hint.algorithm = algorithm(member),
                _ => {}
            }
        }
        hint
    }
}

/// What every token needs of its header.
pub(super) struct Header {
    pub(super) algorithm: Option<Algorithm>,
    /// `crit`, or `b64` other than true.
    pub(super) extended: bool,
}

impl Header {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// [`Deny::MalformedToken`] where it is not one JSON object, or its `kid` is no text.
    pub(super) fn read(text: &[u8]) -> Result<Self, Deny> {
        let document = Document::parse(text).map_err(|_| Deny::MalformedToken)?;
        let value = document.value();
        if value.kind != Kind::Object {
            return Err(Deny::MalformedToken);
        }
        let mut header = Self { algorithm: None, extended: false };
        let mut broken = false;
        for (key, member) in value.members() {
            match &*key {
                "alg" => header.algorithm = algorithm(member),
                "kid" => broken |= !matches!(member.kind, Kind::Text | Kind::Null),
                "crit" => header.extended |= member.kind != Kind::Null && !empty_list(member),
                "b64" => header.extended |= member.kind != Kind::Null && member.text != "true",
                _ => {}
            }
        }
        if broken { Err(Deny::MalformedToken) } else { Ok(header) }
    }
}

fn algorithm(member: Value<'_>) -> Option<Algorithm> {
    member.as_text().and_then(|name| Algorithm::named(&name))
}

fn empty_list(value: Value<'_>) -> bool {
    value.kind == Kind::Array && value.items().next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, KeyHint};

    #[test]
    fn the_key_is_hinted_at_by_a_text_that_is_not_empty() {
        let hint = |kid: Option<&str>, algorithm| KeyHint { kid: kid.map(ToOwned::to_owned), algorithm };
        for (header, expected) in [
            (r#"{"alg":"RS256","kid":"a"}"#, hint(Some("a"), Some(Algorithm::Rs256))),
            (r#"{"kid":"\u0061\"","alg":"EdDSA"}"#, hint(Some("a\""), Some(Algorithm::EdDsa))),
            (r#"{"alg":"RS256","kid":""}"#, hint(None, Some(Algorithm::Rs256))),
            (r#"{"alg":"RS256","kid":null}"#, hint(None, Some(Algorithm::Rs256))),
            (r#"{"alg":"none","KID":"a"}"#, hint(None, None)),
            ("{}", hint(None, None)),
            ("no header", hint(None, None)),
        ] {
            assert_eq!(KeyHint::read(header.as_bytes()), expected, "{header}");
        }
    }
}
