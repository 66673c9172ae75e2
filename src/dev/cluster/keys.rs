//! The cluster's signing key: RS256 over 2048 bits, as service-account tokens have it.

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ClusterError;

/// One RSA key, its public half as a JWK set, and the header of what it signs.
#[derive(Debug)]
pub(super) struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    header: Header,
    set: JwkSet,
}

impl Keys {
    /// Makes a new key.
    pub(super) fn generate() -> Result<Self, ClusterError> {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let signing = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes())?;
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::RS256)?;
        jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let header = Header { typ: None, kid: jwk.common.key_id.clone(), ..Header::new(Algorithm::RS256) };
        Ok(Self { signing, verifying: DecodingKey::from_jwk(&jwk)?, header, set: JwkSet { keys: vec![jwk] } })
    }

    /// A compact JWS over the claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> jsonwebtoken::errors::Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }

    /// The claims of what this key has signed. Times, issuer and audience are the caller's to check.
    pub(super) fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Some(jsonwebtoken::decode(token, &self.verifying, &validation).ok()?.claims)
    }

    /// What `/openid/v1/jwks` serves.
    pub(super) fn set(&self) -> &JwkSet {
        &self.set
    }
}
