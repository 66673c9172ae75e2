//! A service-account token as the caller sent it: read, not believed.

/// The largest token that is read, in bytes.
pub const MAX_TOKEN_BYTES: usize = 256 * 1024;

/// What an unverified compact JWS says. Only ever a reason to deny early.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    /// As the caller sent it.
    pub raw: &'a str,
    /// Header and payload with the dot between, which the signature covers.
    pub signed_part: std::borrow::Cow<'a, str>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// `alg`, one of the nine.
    pub algorithm: Algorithm,
}

/// The algorithms that are taken (RFC 7518 section 3.1).
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
}
