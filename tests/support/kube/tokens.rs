//! Service-account tokens that the API server would not issue: expired, changed, or signed by somebody else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Map, Value};

/// An RSA key that signs tokens with RS256.
#[derive(Debug)]
pub struct Signer(KeyPair);

impl Signer {
    /// A new key.
    pub fn new() -> Self {
        Self(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
    }

    /// The public key, as `pem_keys` takes it.
    pub fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&Header::new(Algorithm::RS256), claims)
    }

    /// `token` with its claims changed and signed anew, its header kept: valid but for what was changed when this is the
    /// API server's own signer, a forgery when it is another.
    pub fn resign(&self, token: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = unverified_claims(token);
        change(claims.as_object_mut().unwrap());
        self.sign_with(&jsonwebtoken::decode_header(token).unwrap(), &claims)
    }

    /// `token` as it was issued two hours before and ran out an hour before.
    pub fn expired(&self, token: &str) -> String {
        self.resign(token, |claims| {
            let issued = claims["iat"].as_i64().unwrap();
            claims.insert("iat".to_owned(), (issued - 7200).into());
            claims.insert("nbf".to_owned(), (issued - 7200).into());
            claims.insert("exp".to_owned(), (issued - 3600).into());
        })
    }

    pub(super) fn private_pem(&self) -> String {
        self.0.serialize_pem()
    }

    fn sign_with(&self, header: &Header, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(self.private_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

/// The claims of a token, whoever signed it.
pub fn unverified_claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
