//! Tests of reading JWK Sets.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{BASE64_URL_SAFE_NO_PAD, JwksError, KeyKind, KeyMaterial, MAX_KEYS, PublishedKey, parse_jwks};
use base64::Engine as _;

/// An odd number of so many bits.
fn odd(bits: usize) -> Vec<u8> {
    let mut number = vec![0xa5; bits.div_ceil(8)];
    number[0] = 1 << ((bits - 1) % 8);
    number
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(bits: usize) -> Value {
    json!({"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": text(&odd(bits)), "e": "AQAB"})
}

fn ec(curve: &str, length: usize) -> Value {
    json!({"kty": "EC", "kid": "k", "crv": curve, "x": text(&vec![1; length]), "y": text(&vec![2; length])})
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "kid": "k", "crv": "Ed25519", "alg": "EdDSA", "x": text(&[3; 32])})
}

fn read(keys: &Value) -> Result<Vec<PublishedKey>, JwksError> {
    parse_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

/// The key of a set of one.
fn material(key: &Value) -> Option<KeyMaterial> {
    let mut keys = read(&json!([key])).unwrap();
    assert_eq!((keys.len(), keys[0].kid.as_str()), (1, "k"), "{key}");
    keys.remove(0).key
}

/// The same with other members.
fn with(mut key: Value, members: &Value) -> Value {
    key.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    key
}

#[test]
fn every_type_of_key_is_read() {
    for (key, kind, length) in [
        (rsa(2048), KeyKind::Rsa, 270),
        (rsa(3072), KeyKind::Rsa, 398),
        (rsa(8192), KeyKind::Rsa, 1038),
        (ec("P-256", 32), KeyKind::P256, 65),
        (ec("P-384", 48), KeyKind::P384, 97),
        (ec("P-521", 66), KeyKind::P521, 133),
        (ed25519(), KeyKind::Ed25519, 32),
    ] {
        let material = material(&key).unwrap();
        assert_eq!((material.kind, material.bytes.len()), (kind, length), "{key}");
    }
}

#[test]
fn an_rsa_key_becomes_der_and_a_point_becomes_uncompressed() {
    let modulus = odd(2048);
    let expected = [&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0], &*modulus, &[2, 3, 1, 0, 1]].concat();
    assert_eq!(material(&rsa(2048)).unwrap().bytes, expected);
    let zeros = with(rsa(2048), &json!({"n": text(&[&[0, 0], &*modulus].concat()), "e": "AAEAAQ"}));
    assert_eq!(material(&zeros).unwrap().bytes, expected, "zeros before a number do not count");
    let expected = [vec![4], vec![1; 32], vec![2; 32]].concat();
    assert_eq!(material(&ec("P-256", 32)).unwrap().bytes, expected);
}

#[test]
fn a_key_that_is_weak_or_contradicts_itself_is_named_and_not_taken() {
    let even = [&odd(2048)[..255], &[0xa4]].concat();
    for key in [
        rsa(1024),
        rsa(2047),
        rsa(8193),
        with(rsa(2048), &json!({ "n": text(&even) })),
        with(rsa(2048), &json!({"n": ""})),
        with(rsa(2048), &json!({"n": 5})),
        with(rsa(2048), &json!({"n": "AQAB="})),
        with(rsa(2048), &json!({"e": ""})),
        with(rsa(2048), &json!({"e": "AQ"})),
        with(rsa(2048), &json!({"e": "BA"})),
        with(rsa(2048), &json!({"e": "gAAAAQ"})),
        with(rsa(2048), &json!({"e": "AQAAAAE"})),
        with(rsa(2048), &json!({"use": "enc"})),
        with(rsa(2048), &json!({"use": null})),
        with(rsa(2048), &json!({"key_ops": ["sign"]})),
        with(rsa(2048), &json!({"key_ops": "verify"})),
        with(rsa(2048), &json!({"alg": "ES256"})),
        with(rsa(2048), &json!({"alg": "RSA-OAEP"})),
        with(rsa(2048), &json!({"alg": 1})),
        with(rsa(2048), &json!({"kty": "EC"})),
        with(rsa(2048), &json!({"kty": "rsa"})),
        json!({"kid": "k"}),
        json!({"kid": "k", "kty": "oct", "k": "AAAA"}),
        ec("P-256", 31),
        ec("P-256", 48),
        ec("P-224", 28),
        ec("secp256k1", 32),
        with(ec("P-384", 48), &json!({"y": null})),
        with(ec("P-521", 66), &json!({"alg": "ES256"})),
        with(ed25519(), &json!({"x": text(&[3; 31])})),
        with(ed25519(), &json!({"crv": "X25519"})),
        with(ed25519(), &json!({"alg": "ES256"})),
    ] {
        assert_eq!(material(&key), None, "{key}");
    }
    for key in [
        with(rsa(2048), &json!({"alg": "PS512"})),
        with(rsa(2048), &json!({"key_ops": ["verify"], "x5t": "x", "x5c": ["x"], "new": {}})),
        with(ec("P-521", 66), &json!({"alg": "ES512"})),
    ] {
        assert!(material(&key).is_some(), "{key}");
    }
}

#[test]
fn a_key_without_an_id_is_left_out() {
    for kid in [json!(null), json!(""), json!(7)] {
        assert_eq!(read(&json!([with(rsa(2048), &json!({ "kid": kid }))])), Ok(Vec::new()), "{kid}");
    }
}

#[test]
fn what_is_no_set_is_refused_whole() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":["x"]}"#,
        r#"{"keys":[{}],"keys":[]}"#,
        r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
        r#"{"keys":[]} x"#,
        r#"{"kind":"Status","status":"Failure","code":403}"#,
    ] {
        assert_eq!(parse_jwks(text.as_bytes()), Err(JwksError::NotASet), "{text}");
    }
    assert_eq!(read(&json!([])), Ok(Vec::new()));
    assert_eq!(read(&json!(vec![json!({}); MAX_KEYS])), Ok(Vec::new()));
    assert_eq!(read(&json!(vec![json!({}); MAX_KEYS + 1])), Err(JwksError::TooMany));
}

proptest! {
    #[test]
    fn no_set_panics(set in "\\PC{0,200}", kty in "RSA|EC|OKP", n in "[A-Za-z0-9_-]{0,40}", e in "[A-Z]{0,8}") {
        let _read = parse_jwks(set.as_bytes());
        let key = json!({"kid": "k", "kty": kty, "crv": "P-256", "n": n, "e": e, "x": n, "y": e});
        let _read = read(&json!([key]));
    }
}
