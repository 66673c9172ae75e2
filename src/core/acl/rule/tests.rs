//! Tests of what a rule lets through.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Rule;
use crate::core::acl::{Acl, AclOperation, Policy};

fn allowed_to(operation: AclOperation, blocks: &[&str], parameters: &Value, wrap_ttl: Option<u64>) -> bool {
    let policies: Vec<Policy> = blocks
        .iter()
        .map(|block| {
            let text = format!("path \"x\" {{ capabilities = [\"update\", \"list\", \"read\"] {block} }}");
            Policy::parse(&text).expect(block)
        })
        .collect();
    let acl = Acl::compile(&policies, None);
    let none = Map::new();
    let parameters = parameters.as_object().unwrap_or(&none);
    acl.allows(operation, "x", parameters, wrap_ttl.map(Duration::from_secs)).allowed
}

fn allowed(blocks: &[&str], parameters: &Value) -> bool {
    allowed_to(AclOperation::Update, blocks, parameters, None)
}

#[test]
fn parameters_are_held_to_what_is_demanded() {
    let either = r#"allowed_parameters = { "audience" = ["a", "b"] "token_ttl" = [] }"#;
    let any_but = r#"denied_parameters = { "token_policies" = ["root"] "secret" = [] }"#;
    let all_but = r#"allowed_parameters = { "*" = [] "audience" = ["a"] }"#;
    for (block, parameters, expected) in [
        (either, json!({"audience": "a"}), true),
        (either, json!({"AUDIENCE": "a"}), true),
        (either, json!({"audience": "c"}), false),
        (either, json!({"token_ttl": 5}), true),
        (either, json!({"token_policies": "root"}), false),
        (either, json!({"audience": "a", "other": 1}), false),
        (either, json!({}), true),
        (any_but, json!({"other": 1}), true),
        (any_but, json!({"token_policies": ["root"]}), false),
        (any_but, json!({"token_policies": "x"}), true),
        (any_but, json!({"Secret": "x"}), false),
        (r#"denied_parameters = { "*" = [] }"#, json!({"a": 1}), false),
        (r#"denied_parameters = { "*" = ["never"] }"#, json!({"a": 1}), false),
        (r#"denied_parameters = { "*" = [] }"#, json!({}), true),
        (all_but, json!({"other": 1}), true),
        (all_but, json!({"audience": "a"}), true),
        (all_but, json!({"audience": "b"}), false),
        (r#"required_parameters = ["A"]"#, json!({"a": 1}), true),
        (r#"required_parameters = ["a"]"#, json!({"b": 1}), false),
        (r#"required_parameters = ["a"]"#, json!({}), false),
    ] {
        assert_eq!(allowed(&[block], &parameters), expected, "{block} on {parameters}");
    }
}

#[test]
fn demands_on_parameters_do_not_apply_to_lists() {
    for (operation, expected) in
        [(AclOperation::List, true), (AclOperation::Read, false), (AclOperation::Update, false)]
    {
        let block = r#"required_parameters = ["a"]"#;
        assert_eq!(allowed_to(operation, &[block], &json!({}), None), expected, "{operation:?}");
    }
}

#[test]
fn demands_of_two_policies_add_up() {
    let a = r#"allowed_parameters = { "p" = ["a"] }"#;
    let b = r#"allowed_parameters = { "p" = ["b"] "q" = [] }"#;
    let any = r#"allowed_parameters = { "p" = [] }"#;
    let denied = r#"denied_parameters = { "q" = ["x"] }"#;
    let required = r#"required_parameters = ["p"]"#;
    for (blocks, parameters, expected) in [
        (vec![a, b], json!({"p": "a", "q": 1}), true),
        (vec![a, b], json!({"p": "b"}), true),
        (vec![a, b], json!({"p": "c"}), false),
        (vec![a, any], json!({"p": "c"}), true),
        (vec![any, a], json!({"p": "c"}), true),
        (vec![a, ""], json!({"q": 1}), false),
        (vec![b, denied], json!({"q": "x"}), false),
        (vec![required, b], json!({"q": 1}), false),
    ] {
        assert_eq!(allowed(&blocks, &parameters), expected, "{blocks:?} on {parameters}");
    }
}

#[test]
fn wrapping_is_held_to_its_limits() {
    let (min, max) = ("min_wrapping_ttl = 10", "max_wrapping_ttl = 100");
    for (blocks, asked, expected) in [
        (vec![""], Some(5), true),
        (vec![min], None, false),
        (vec![min], Some(9), false),
        (vec![min], Some(10), true),
        (vec![max], None, false),
        (vec![max], Some(100), true),
        (vec![max], Some(101), false),
        (vec![max, ""], None, false),
        (vec![max, "max_wrapping_ttl = 50"], Some(60), false),
        (vec![min, "min_wrapping_ttl = 5"], Some(6), true),
        (vec!["min_wrapping_ttl = 200", max], Some(150), false),
        (vec!["min_wrapping_ttl = 200", max], Some(200), false),
    ] {
        let done = allowed_to(AclOperation::Update, &blocks, &json!({}), asked);
        assert_eq!(done, expected, "{blocks:?} with {asked:?}");
    }
}

proptest! {
    #[test]
    fn a_denial_wins_wherever_it_stands(
        mut blocks in proptest::collection::vec("(policy = \"(read|write|sudo)\")?", 0..4),
        at in any::<prop::sample::Index>(),
    ) {
        blocks.insert(at.index(blocks.len() + 1), "policy = \"deny\"".to_owned());
        let policies: Vec<Policy> =
            blocks.iter().map(|block| Policy::parse(&format!("path \"x\" {{ {block} }}")).unwrap()).collect();
        let mut rule = policies[0].paths[0].rule.clone();
        for policy in &policies[1..] {
            rule.add(&policy.paths[0].rule);
        }
        prop_assert_eq!(&rule, &Rule::denial());
        let acl = Acl::compile(&policies, None);
        prop_assert_eq!(acl.capabilities("x"), ["deny"]);
        let permission = acl.allows(AclOperation::Read, "x", &Map::new(), None);
        prop_assert!(!permission.allowed && !permission.sudo);
    }
}
