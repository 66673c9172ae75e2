//! Service-account tokens with real ES256 signatures, and the key set that proves them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as B64, Engine as _};
use serde_json::json;

const KID: &str = "bench";

/// The cluster's one signing key.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    next: AtomicU64,
}

impl Signer {
    pub(crate) fn new() -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            random: SystemRandom::new(),
            next: AtomicU64::new(0),
        }
    }

    /// A token of this account that no other call returns.
    pub(crate) fn token(&self, account: &str) -> String {
        let signed = self.unsigned(account);
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature.as_ref()))
    }

    /// The same with a signature that no key made.
    pub(crate) fn forged(&self, account: &str) -> String {
        format!("{}.{}", self.unsigned(account), B64.encode([0x5a; 64]))
    }

    fn unsigned(&self, account: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let header = json!({"alg": "ES256", "kid": KID});
        let claims = json!({
            "iss": "https://kubernetes.default.svc", "aud": ["api"], "exp": now + 3600, "iat": now, "nbf": now,
            "jti": number.to_string(), "sub": format!("system:serviceaccount:shop:{account}"),
            "kubernetes.io": {
                "namespace": "shop", "serviceaccount": {"name": account, "uid": format!("uid-{account}")},
            },
        });
        format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()))
    }

    /// Whether this signer made the token.
    pub(crate) fn made(&self, token: &str) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let Ok(signature) = B64.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).is_ok()
    }

    /// `/openid/v1/jwks`
    pub(crate) fn jwks(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..65]);
        json!({"keys": [{
            "use": "sig", "kty": "EC", "kid": KID, "alg": "ES256", "crv": "P-256",
            "x": B64.encode(x), "y": B64.encode(y),
        }]})
        .to_string()
    }
}
