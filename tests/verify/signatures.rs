//! Signatures under `pem_keys`, with every algorithm.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use rcgen::{CertificateParams, KeyPair};
use rolegate::core::token::UnverifiedToken;
use rolegate::ports::Verify;

use crate::house::{House, mount_with};

/// A key of the test, and what it signs with.
enum Signer {
    Rsa(Arc<RsaKeyPair>, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
}

/// One key for each algorithm, by the algorithm's name.
fn signers() -> Vec<(&'static str, Signer)> {
    let rsa: [(&str, &'static dyn RsaEncoding); 6] = [
        ("RS256", &RSA_PKCS1_SHA256),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    let ec: [(&str, &'static EcdsaSigningAlgorithm); 3] = [
        ("ES256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("ES384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        ("ES512", &ECDSA_P521_SHA512_FIXED_SIGNING),
    ];
    let key = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let rsa = rsa.map(|(name, encoding)| (name, Signer::Rsa(Arc::clone(&key), encoding)));
    let ec = ec.map(|(name, algorithm)| (name, Signer::Ec(EcdsaKeyPair::generate(algorithm).unwrap())));
    rsa.into_iter().chain(ec).collect()
}

impl Signer {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    fn token(&self, algorithm: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&format!(r#"{{"alg":"{algorithm}"}}"#)), part("{}"));
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes())))
    }

    /// The public key as SubjectPublicKeyInfo in PEM.
    fn public_pem(&self) -> String {
        let der = match self {
            Self::Rsa(key, _) => AsDer::as_der(key.public_key()).unwrap(),
            Self::Ec(key) => {
                AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap()
            }
        };
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64_STANDARD.encode(der.as_ref())
        )
    }

    fn certificate(&self) -> String {
        let pkcs8 = match self {
            Self::Rsa(key, _) => {
                AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&**key).unwrap().as_ref().to_vec()
            }
            Self::Ec(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
        };
        let key = KeyPair::try_from(pkcs8).unwrap();
        CertificateParams::new(["kube".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
    }
}

fn signed(pem_keys: &[&str], token: &str) -> bool {
    let mount = mount_with("https://127.0.0.1", |config| {
        config.pem_keys = pem_keys.iter().map(ToString::to_string).collect();
    });
    House::new().verifier.signed(&mount, &UnverifiedToken::parse(token).unwrap())
}

#[tokio::test]
async fn every_algorithm_is_checked_by_key_and_by_certificate() {
    let signers = signers();
    for (algorithm, signer) in &signers {
        let token = signer.token(algorithm);
        assert!(signed(&[&signer.public_pem()], &token), "{algorithm}");
        assert!(signed(&[&signer.certificate()], &token), "{algorithm} certificate");
    }
}

#[tokio::test]
async fn one_of_many_keys_suffices_and_the_others_do_not_hinder() {
    let signers = signers();
    let pems: Vec<String> = signers.iter().map(|(_, signer)| signer.public_pem()).collect();
    let all: Vec<&str> = pems.iter().map(String::as_str).collect();
    let one_item = pems.concat();
    for (algorithm, signer) in &signers {
        let token = signer.token(algorithm);
        assert!(signed(&all, &token), "{algorithm}");
        assert!(signed(&[&one_item], &token), "{algorithm}, all in one item");
        let own = signer.public_pem();
        let others: Vec<&str> = all.iter().copied().filter(|pem| *pem != own).collect();
        assert!(!signed(&others, &token), "{algorithm} without its key");
    }
}

#[tokio::test]
async fn a_signature_of_another_algorithm_text_or_length_is_none() {
    let names: Vec<&str> = signers().into_iter().map(|(algorithm, _)| algorithm).collect();
    for (algorithm, signer) in signers() {
        let pem = signer.public_pem();
        for name in &names {
            assert_eq!(signed(&[&pem], &signer.token(name)), *name == algorithm, "{algorithm} as {name}");
        }
        let token = signer.token(algorithm);
        let (head, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes.pop();
        let short = format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes));
        let foreign = format!(
            "{}.{}.{signature}",
            head.split_once('.').unwrap().0,
            BASE64_URL_SAFE_NO_PAD.encode("{ }")
        );
        for token in [short, foreign] {
            assert!(!signed(&[&pem], &token), "{algorithm}");
        }
        assert!(!signed(&[], &token) && !signed(&["garbage"], &token), "{algorithm}");
    }
}

#[tokio::test]
async fn unused_bits_of_the_last_character_do_not_count() {
    let (_, signer) = signers().into_iter().find(|(algorithm, _)| *algorithm == "ES256").unwrap();
    let mut token = signer.token("ES256");
    // 64 bytes end in a character with four unused bits.
    let last = token.pop().unwrap();
    let next = char::from(u8::try_from(last).unwrap() + 1);
    assert!(matches!(last, 'A' | 'Q' | 'g' | 'w'), "{last}");
    token.push(next);
    assert!(signed(&[&signer.public_pem()], &token));
}

#[tokio::test]
async fn keys_are_those_of_the_mounts_generation() {
    let house = House::new();
    let signers = signers();
    let (algorithm, signer) = signers.last().unwrap();
    let token = signer.token(algorithm);
    let token = UnverifiedToken::parse(&token).unwrap();
    let first = mount_with("https://127.0.0.1", |config| config.pem_keys = vec![signer.public_pem()]);
    assert!(house.verifier.signed(&first, &token));
    let mut second = (*mount_with("https://127.0.0.1", |config| {
        config.pem_keys = vec![signers[0].1.public_pem()];
    }))
    .clone();
    second.generation = 2;
    assert!(!house.verifier.signed(&Arc::new(second), &token));
}
