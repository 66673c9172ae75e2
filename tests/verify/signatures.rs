//! Signatures under `pem_keys`, with every algorithm.

use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rolegate::core::token::UnverifiedToken;
use rolegate::ports::Verify;

use crate::house::{House, mount_with};
use crate::signer::signers;

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
