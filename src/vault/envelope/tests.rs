//! The bytes of answers, as the reference writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{encode, errors};
use crate::core::secret::Secret;
use crate::vault::outcome::{Answer, Auth, WrapInfo};

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("no object: {value}") };
    object
}

fn auth() -> Auth {
    Auth {
        client_token: Secret::from("hvs.abc".to_owned()),
        accessor: "acc".to_owned(),
        policies: vec!["default".to_owned(), "test".to_owned()],
        metadata: Some(BTreeMap::from([("role".to_owned(), "r".to_owned())])),
        lease_duration: 2_764_800,
        renewable: true,
        entity_id: "e-1".to_owned(),
        token_type: "service",
        orphan: true,
        num_uses: 0,
    }
}

#[test]
fn a_login_is_told_in_the_references_order_of_keys() {
    let answer = Answer { auth: Some(Box::new(auth())), ..Answer::default() };
    let expected = concat!(
        r#"{"request_id":"id-1","lease_id":"","renewable":false,"lease_duration":0,"data":null,"#,
        r#""wrap_info":null,"warnings":null,"auth":{"client_token":"hvs.abc","accessor":"acc","#,
        r#""policies":["default","test"],"token_policies":["default","test"],"metadata":{"role":"r"},"#,
        r#""lease_duration":2764800,"renewable":true,"entity_id":"e-1","token_type":"service","#,
        r#""orphan":true,"mfa_requirement":null,"num_uses":0}}"#,
        "\n"
    );
    assert_eq!(encode("id-1", &answer), expected);
}

#[test]
fn token_policies_are_told_even_where_there_are_none() {
    let bare = Auth { policies: vec![], metadata: None, ..auth() };
    let text = encode("", &Answer { auth: Some(Box::new(bare)), ..Answer::default() });
    assert!(text.contains(r#""policies":[],"token_policies":[],"metadata":null"#), "{text}");
}

#[test]
fn data_and_warnings_stand_in_their_places() {
    let answer = Answer {
        data: Some(object(json!({"keys": ["a"], "big": 1}))),
        warnings: vec!["careful".to_owned()],
        ..Answer::default()
    };
    let expected = concat!(
        r#"{"request_id":"id-1","lease_id":"","renewable":false,"lease_duration":0,"#,
        r#""data":{"big":1,"keys":["a"]},"wrap_info":null,"warnings":["careful"],"auth":null}"#,
        "\n"
    );
    assert_eq!(encode("id-1", &answer), expected);
}

#[test]
fn data_at_the_top_comes_first_and_never_twice() {
    let answer = Answer {
        data: Some(object(json!({"token/": {"type": "token"}, "auth": 7, "request_id": 8}))),
        data_at_top: true,
        ..Answer::default()
    };
    let expected = concat!(
        r#"{"token/":{"type":"token"},"request_id":"id-1","lease_id":"","renewable":false,"lease_duration":0,"#,
        r#""data":{"auth":7,"request_id":8,"token/":{"type":"token"}},"#,
        r#""wrap_info":null,"warnings":null,"auth":null}"#,
        "\n"
    );
    assert_eq!(encode("id-1", &answer), expected);
}

#[test]
fn a_wrapping_token_is_told_without_a_request_id() {
    let wrap = |wrapped_accessor: &str| WrapInfo {
        token: Secret::from("hvs.w".to_owned()),
        accessor: "acc".to_owned(),
        ttl: 60,
        creation_time: "2026-01-02T03:04:05Z".to_owned(),
        creation_path: "auth/kubernetes/login".to_owned(),
        wrapped_accessor: wrapped_accessor.to_owned(),
    };
    let text =
        |wrapped| encode("id-1", &Answer { wrap_info: Some(Box::new(wrap(wrapped))), ..Answer::default() });
    let expected = concat!(
        r#"{"request_id":"","lease_id":"","renewable":false,"lease_duration":0,"data":null,"#,
        r#""wrap_info":{"token":"hvs.w","accessor":"acc","ttl":60,"creation_time":"2026-01-02T03:04:05Z","#,
        r#""creation_path":"auth/kubernetes/login","wrapped_accessor":"inner"},"warnings":null,"auth":null}"#,
        "\n"
    );
    assert_eq!(text("inner"), expected);
    assert!(!text("").contains("wrapped_accessor"), "{}", text(""));
}

#[test]
fn what_was_wrapped_is_given_out_as_it_is() {
    let inside = "{\"request_id\":\"older\"}\n";
    let answer = Answer { unwrapped: Some(Secret::from(inside.to_owned())), ..Answer::default() };
    assert_eq!(encode("id-1", &answer), inside);
}

#[test]
fn errors_are_a_list_of_texts() {
    assert_eq!(errors::<&str>(&[]), "{\"errors\":[]}\n");
    assert_eq!(errors(&["a \"b\"\n"]), "{\"errors\":[\"a \\\"b\\\"\\n\"]}\n");
}

#[test]
fn numbers_keep_their_spelling() {
    let data: Map<String, Value> = serde_json::from_str(r#"{"n":1.50,"m":12345678901234567890123}"#).unwrap();
    let text = encode("", &Answer { data: Some(data), ..Answer::default() });
    assert!(text.contains(r#""data":{"m":12345678901234567890123,"n":1.50}"#), "{text}");
}
