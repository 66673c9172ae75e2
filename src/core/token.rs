//! A service-account token as the caller sent it: read, not believed.

mod algorithm_name;
mod claims;
mod header;
mod times;

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
pub use claims::UnverifiedClaims;
use header::Header;
pub use header::{Algorithm, KeyHint};
use memchr::{memchr_iter, memchr2};
pub use times::check_times;

use super::json::{Document, Kind};
use super::reason::Deny;

/// The largest token that is read, in bytes.
pub const MAX_TOKEN_BYTES: usize = 256 * 1024;

/// Unpadded base64url, as lenient on a last character's unused bits as the reference is.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// What an unverified compact JWS (RFC 7515 section 3.1) says. Only ever a reason to deny early.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    /// As the caller sent it.
    pub raw: &'a str,
    /// The token without line ends and blanks, which the signature is over.
    compact: Cow<'a, str>,
    /// Where the signed part (header, dot, payload) ends in `compact`.
    signed_end: usize,
    /// The header's say on how it is signed.
    pub algorithm: Result<Algorithm, Deny>,
    /// The header has `crit`, or `b64` other than true, which cannot be honoured when a signature is checked.
    pub extended: bool,
    /// Blanks stood in the token; the reference takes them only where it checks signatures.
    pub blanks: bool,
    /// What the payload says.
    pub claims: UnverifiedClaims,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads a compact JWS.
    ///
    /// # Errors
    /// [`Deny::MalformedToken`] where it is none, is larger than [`MAX_TOKEN_BYTES`], or its header or payload
    /// is not one JSON object without a key that is there twice.
    pub fn parse(raw: &'a str) -> Result<Self, Deny> {
        if raw.is_empty() || raw.len() > MAX_TOKEN_BYTES {
            return Err(Deny::MalformedToken);
        }
        let (compact, blanks) = without_white_space(raw);
        let mut dots = memchr_iter(b'.', compact.as_bytes());
        let (Some(header_end), Some(signed_end), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Deny::MalformedToken);
        };
        let (signed, signature) = apart(&compact, signed_end);
        let (header, payload) = apart(signed, header_end);
        let signature_is_text =
            signature.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !signature_is_text {
            return Err(Deny::MalformedToken);
        }
        let unsigned = signature.is_empty();
        let header = decode(header)?;
        let payload = decode(payload)?;
        let header = Header::read(&header)?;
        let payload = Document::parse(&payload).map_err(|_| Deny::MalformedToken)?;
        let payload = payload.value();
        if !matches!(payload.kind, Kind::Object | Kind::Null) {
            return Err(Deny::MalformedToken);
        }
        let algorithm = match header.algorithm {
            None | Some(Algorithm::EdDsa) => Err(Deny::Algorithm),
            Some(_) if unsigned => Err(Deny::NotSigned),
            Some(algorithm) => Ok(algorithm),
        };
        let claims = UnverifiedClaims::read(payload);
        Ok(Self { raw, signed_end, algorithm, extended: header.extended, blanks, claims, compact })
    }

    /// Header and payload with the dot between, which the signature covers.
    pub fn signed_part(&self) -> &str {
        self.compact.get(..self.signed_end).unwrap_or_default()
    }

    /// What the header says of the key that signed. The header is read again for it: a remembered token never needs it.
    pub fn key_hint(&self) -> KeyHint {
        let (header, _) = self.compact.split_once('.').unwrap_or_default();
        decode(header).map_or_else(|_| KeyHint::default(), |header| KeyHint::read(&header))
    }

    /// The signature in base64url.
    pub fn signature(&self) -> &str {
        self.compact.get(self.signed_end.saturating_add(1)..).unwrap_or_default()
    }
}

/// What stands before and behind the dot at this place.
fn apart(text: &str, dot: usize) -> (&str, &str) {
    let (before, behind) = text.split_at_checked(dot).unwrap_or_default();
    (before, behind.get(1..).unwrap_or_default())
}

fn decode(segment: &str) -> Result<Vec<u8>, Deny> {
    BASE64.decode(segment).map_err(|_| Deny::MalformedToken)
}

/// The token without line ends (which the reference drops) and blanks, and whether there were blanks.
fn without_white_space(raw: &str) -> (Cow<'_, str>, bool) {
    let has = |one, other| memchr2(one, other, raw.as_bytes()).is_some();
    let blanks = has(b' ', b'\t');
    if !blanks && !has(b'\r', b'\n') {
        return (Cow::Borrowed(raw), false);
    }
    let compact = raw.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    (Cow::Owned(compact), blanks)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use proptest::prelude::*;

    use super::{Algorithm, Deny, UnverifiedToken};

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn the_nine_algorithms_are_taken_and_no_other() {
        for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] {
            let text = token(&format!(r#"{{"alg":"{name}"}}"#), "{}");
            let algorithm = UnverifiedToken::parse(&text).unwrap().algorithm.unwrap();
            assert_eq!(format!("{algorithm:?}").to_uppercase(), name);
        }
        for header in [
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"EdDSA"}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"es256"}"#,
            r#"{"ALG":"ES256"}"#,
            "{}",
            r#"{"alg":1}"#,
        ] {
            let text = token(header, "{}");
            assert_eq!(UnverifiedToken::parse(&text).unwrap().algorithm, Err(Deny::Algorithm), "{header}");
        }
    }

    #[test]
    fn only_the_compact_form_is_read() {
        let good = token(r#"{"alg":"ES256"}"#, "{}");
        assert!(UnverifiedToken::parse(&good).is_ok());
        let unsigned = good.trim_end_matches("c2ln");
        assert_eq!(UnverifiedToken::parse(unsigned).unwrap().algorithm, Err(Deny::NotSigned));
        let broken = [
            String::new(),
            "abc".to_owned(),
            "a.b".to_owned(),
            "..".to_owned(),
            format!("{good}."),
            format!("{good}="),
            format!("Bearer {good}!"),
            format!("{good}é"),
            token("[]", "{}"),
            token("x", "{}"),
            token(r#"{"alg":"ES256"}"#, "[]"),
            token(r#"{"alg":"ES256"}"#, "{} {}"),
            token(r#"{"alg":"ES256"}"#, r#"{"a":1,"a":1}"#),
            token(r#"{"alg":"ES256","alg":"ES256"}"#, "{}"),
            token(r#"{"alg":"ES256","kid":5}"#, "{}"),
            format!("{good}{}", "a".repeat(super::MAX_TOKEN_BYTES)),
        ];
        for text in broken {
            assert_eq!(UnverifiedToken::parse(&text).err(), Some(Deny::MalformedToken), "{text:.80}");
        }
    }

    #[test]
    fn extensions_are_noted_whatever_their_shape() {
        let extended = |member: &str| {
            let text = token(&format!(r#"{{"alg":"ES256",{member}}}"#), "{}");
            UnverifiedToken::parse(&text).unwrap().extended
        };
        for member in [r#""crit":["exp"]"#, r#""crit":"exp""#, r#""crit":{}"#, r#""b64":false"#, r#""b64":0"#]
        {
            assert!(extended(member), "{member}");
        }
        for member in [r#""crit":[]"#, r#""crit":null"#, r#""b64":true"#, r#""b64":null"#, r#""kid":"k""#] {
            assert!(!extended(member), "{member}");
        }
    }

    #[test]
    fn line_ends_are_dropped_and_blanks_are_noted() {
        let good = token(r#"{"alg":"ES256"}"#, "{}");
        let lines = format!("{good}\r\n");
        let parsed = UnverifiedToken::parse(&lines).unwrap();
        assert!(!parsed.blanks);
        assert_eq!(format!("{}.{}", parsed.signed_part(), parsed.signature()), good);
        assert!(UnverifiedToken::parse(&format!(" {good}")).unwrap().blanks);
        assert_eq!(parsed.algorithm, Ok(Algorithm::Es256));
    }

    proptest! {
        #[test]
        fn no_input_panics(text in "\\PC{0,120}", header in "\\PC{0,40}", payload in "\\PC{0,80}") {
            let _read = UnverifiedToken::parse(&text).is_ok();
            let _read = UnverifiedToken::parse(&token(&header, &payload)).is_ok();
        }
    }
}
