//! Tests of reading policies.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::{MAX_TEXT, Policy};
use crate::core::acl::DEFAULT_POLICY;
use crate::core::acl::capability::Capabilities;
use crate::core::acl::rule::Rule;

fn refusal(text: &str) -> String {
    Policy::parse(text).expect_err(text).to_string()
}

fn rule(block: &str) -> Rule {
    let policy = Policy::parse(&format!("path \"x\" {{ {block} }}")).expect(block);
    policy.paths[0].rule.clone()
}

#[test]
fn capabilities_are_read_in_the_new_form_and_the_old() {
    for (block, names) in [
        ("", "deny"),
        ("capabilities = []", "deny"),
        (r#"capabilities = ["update", "create", "sudo"]"#, "create sudo update"),
        (r#"capabilities = ["read", "deny"]"#, "deny"),
        (r#"capabilities = ["deny", "fly"]"#, "deny"),
        (r#"capabilities = ["scan", "subscribe", "recover", "patch"]"#, "patch recover scan subscribe"),
        (r#"policy = "deny""#, "deny"),
        (r#"policy = "read""#, "list read"),
        (r#"policy = "write""#, "create delete list read update"),
        (r#"policy = "sudo""#, "create delete list read sudo update"),
        (r#"policy = "read" capabilities = ["patch"]"#, "list patch read"),
        (r#"comment = "for people" capabilities = ["read"] subscribe_event_types = ["*"]"#, "read"),
    ] {
        assert_eq!(rule(block).capabilities.names().join(" "), names, "{block}");
    }
}

#[test]
fn demands_on_parameters_are_read_in_all_their_forms() {
    for text in [
        r#"path "x" { allowed_parameters = { "A" = ["1", 2, true] "b" = [] } required_parameters = ["C"] }"#,
        r#"path "x" { allowed_parameters { A = ["1", 2, true] } allowed_parameters { b = [] }
           required_parameters = ["C"] }"#,
        r#"{"path": {"x": {"allowed_parameters": {"A": ["1", 2, true], "b": []}, "required_parameters": ["C"]}}}"#,
        r#"{"path": {"x": {"allowed_parameters": [{"a": ["1", 2, true]}, {"b": []}],
           "required_parameters": ["c"]}}}"#,
    ] {
        let policy = Policy::parse(text).expect(text);
        let parameters = policy.paths[0].rule.parameters.clone().expect(text);
        assert_eq!(parameters.allowed["a"], [json!("1"), json!(2), json!(true)], "{text}");
        assert!(parameters.allowed["b"].is_empty(), "{text}");
        assert_eq!(parameters.required, ["c"], "{text}");
    }
    assert_eq!(rule(r#"denied_parameters = { "*" = [] }"#).parameters.unwrap().denied.len(), 1);
    assert_eq!(rule(r#"capabilities = ["deny"] denied_parameters = { "*" = [] }"#), Rule::denial());
}

#[test]
fn wrapping_ttls_are_seconds_or_durations() {
    let rule = rule(r#"min_wrapping_ttl = 90 max_wrapping_ttl = "1h1s""#);
    assert_eq!((rule.min_wrap, rule.max_wrap), (Duration::from_secs(90), Duration::from_secs(3601)));
    assert_eq!(self::rule(r#"max_wrapping_ttl = "0""#).max_wrap, Duration::ZERO);
}

#[test]
fn what_nobody_here_enforces_is_named() {
    let policy = Policy::parse(
        r#"path "x" { mfa_methods = ["m"]
           control_group = { factor "f" { identity { group_names = ["g"] approvals = 1 } } } }"#,
    )
    .unwrap();
    assert_eq!(policy.unenforced(), ["`mfa_methods` of path \"x\"", "`control_group` of path \"x\""]);
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    for (text, told) in [
        ("hello", "At 1:6: key 'hello' expected start of object ('{') or assignment ('=')"),
        ("foo = 1", "invalid key \"foo\" on line 1"),
        ("path.x {}", "invalid key \"path.x\" on line 1"),
        ("\npath \"x\" {\n foo = 1 }", "path \"x\": invalid key \"foo\" on line 3"),
        (r#"{"path": {"x": {"foo": 1}}}"#, "path \"x\": invalid key \"foo\""),
        ("name = []", "`name` needs a text"),
        ("path {}", "`path` needs one name and a block on line 1"),
        (r#"path "a" "b" {}"#, "`path` needs one name and a block on line 1"),
        (r#"{"path": "x"}"#, "`path` needs one name and a block"),
        (r#"path "x" { capabilities = ["fly"] }"#, "path \"x\": invalid capability \"fly\""),
        (r#"path "x" { capabilities = ["Read"] }"#, "path \"x\": invalid capability \"Read\""),
        (
            r#"path "x" { capabilities = "read" }"#,
            "path \"x\": `capabilities` needs a list of texts on line 1",
        ),
        (r#"path "x" { policy = "fly" }"#, "path \"x\": invalid policy \"fly\""),
        (
            r#"path "x" { allowed_parameters = { "a" = "b" } }"#,
            "path \"x\": `allowed_parameters` needs parameters with a list of values each on line 1",
        ),
        (
            r#"path "x" { denied_parameters = [] }"#,
            "path \"x\": `denied_parameters` needs parameters with a list of values each on line 1",
        ),
        (
            r#"path "x" { max_wrapping_ttl = "5x" }"#,
            "path \"x\": error parsing max_wrapping_ttl: time: unknown unit \"x\" in duration \"5x\"",
        ),
        (
            r#"path "x" { max_wrapping_ttl = "500ms" }"#,
            "path \"x\": error parsing max_wrapping_ttl: shorter than a second",
        ),
        (
            r#"path "x" { min_wrapping_ttl = true }"#,
            "path \"x\": error parsing min_wrapping_ttl: could not parse duration from input",
        ),
        (
            r#"path "x" { min_wrapping_ttl = 10 max_wrapping_ttl = 5 }"#,
            "path \"x\": max_wrapping_ttl cannot be less than min_wrapping_ttl",
        ),
        (r#"path "a/+*" {}"#, "path \"a/+*\": invalid use of wildcards ('+*' is forbidden)"),
        (
            r#"path "a/{{b" {}"#,
            "path \"a/{{b\": failed to validate policy templating: unbalanced templating characters",
        ),
    ] {
        assert_eq!(refusal(text), format!("failed to parse policy: {told}"), "{text}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let comment = format!("#{}", "x".repeat(MAX_TEXT - 1));
    assert!(Policy::parse(&comment).is_ok());
    assert_eq!(refusal(&(comment + "x")), "failed to parse policy: longer than 1048576 bytes");
}

#[test]
fn the_default_policy_can_be_read_and_depends_on_who_asks() {
    let policy = Policy::parse(DEFAULT_POLICY).unwrap();
    assert!(policy.is_templated() && policy.unenforced().is_empty());
    assert!(policy.paths.iter().all(|path| !path.rule.capabilities.has(Capabilities::SUDO)));
    assert!(!Policy::parse("").unwrap().is_templated());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _read = Policy::parse(&text);
    }

    #[test]
    fn no_text_like_a_policy_panics(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("path"), Just("\"a/+\""), Just("{"), Just("}"), Just("["), Just("]"), Just("="), Just(","),
                Just("capabilities"), Just("allowed_parameters"), Just("\"read\""), Just("{{"), Just("5"), Just("\n"),
                Just(":"), Just("\"path\""),
            ],
            0..24,
        )
    ) {
        let _read = Policy::parse(&parts.join(" "));
    }
}
