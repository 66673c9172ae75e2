//! Keys of the tests: what they sign, and how they are published.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

/// A key, and what it signs with.
pub(crate) enum Signer {
    Rsa(Arc<RsaKeyPair>, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    /// For published keys alone.
    Ed25519(Ed25519KeyPair),
}

/// One key for each algorithm of `pem_keys`, by the algorithm's name.
pub(crate) fn signers() -> Vec<(&'static str, Signer)> {
    let rsa: [(&str, &'static dyn RsaEncoding); 6] = [
        ("RS256", &RSA_PKCS1_SHA256),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    let key = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let rsa = rsa.map(|(name, encoding)| (name, Signer::Rsa(Arc::clone(&key), encoding)));
    let ec = ["ES256", "ES384", "ES512"].map(|name| (name, Signer::new(name)));
    rsa.into_iter().chain(ec).collect()
}

impl Signer {
    /// A new key for RS256, ES256, ES384, ES512 or EdDSA.
    pub(crate) fn new(algorithm: &str) -> Self {
        let ec =
            |algorithm: &'static EcdsaSigningAlgorithm| Self::Ec(EcdsaKeyPair::generate(algorithm).unwrap());
        match algorithm {
            "RS256" => {
                Self::Rsa(Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()), &RSA_PKCS1_SHA256)
            }
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            "EdDSA" => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            other => panic!("no key for {other}"),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    pub(crate) fn token(&self, algorithm: &str) -> String {
        self.token_with(&json!({ "alg": algorithm }))
    }

    /// A token with this header.
    pub(crate) fn token_with(&self, header: &Value) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&header.to_string()), part("{}"));
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes())))
    }

    /// The key as an API server publishes it.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key, _) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                json!({"use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256",
                       "n": text(n.big_endian_without_leading_zero()),
                       "e": text(e.big_endian_without_leading_zero())})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                let (curve, algorithm) = match x.len() {
                    32 => ("P-256", "ES256"),
                    48 => ("P-384", "ES384"),
                    _ => ("P-521", "ES512"),
                };
                json!({"use": "sig", "kty": "EC", "kid": kid, "crv": curve, "alg": algorithm,
                       "x": text(x), "y": text(y)})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(key.public_key().as_ref())})
            }
        }
    }

    /// The public key as SubjectPublicKeyInfo in PEM.
    pub(crate) fn public_pem(&self) -> String {
        type Der<'a> = aws_lc_rs::encoding::PublicKeyX509Der<'a>;
        let der: Der<'_> = match self {
            Self::Rsa(key, _) => AsDer::as_der(key.public_key()).unwrap(),
            Self::Ec(key) => AsDer::<Der<'_>>::as_der(key.public_key()).unwrap(),
            Self::Ed25519(key) => AsDer::as_der(key.public_key()).unwrap(),
        };
        let text = BASE64_STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    pub(crate) fn certificate(&self) -> String {
        let pkcs8 = match self {
            Self::Rsa(key, _) => {
                AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&**key).unwrap().as_ref().to_vec()
            }
            Self::Ec(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
        };
        let key = KeyPair::try_from(pkcs8).unwrap();
        CertificateParams::new(["kube".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
    }
}
