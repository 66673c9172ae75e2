//! Tests of directives.

use std::collections::BTreeMap;

use super::{Alias, Identity, Unbalanced, fill, is_templated};

fn filled(text: &str) -> Option<String> {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let metadata = map(&[("team", "shop"), ("a.b", "dotted"), ("star", "x*"), ("plus", "+"), ("empty", "")]);
    let (of_alias, custom) = (map(&[("role", "orders")]), map(&[("tier", "one")]));
    let alias = Alias {
        mount_accessor: "auth_kubernetes_1",
        id: "alias-id",
        name: "shop/orders",
        metadata: &of_alias,
        custom_metadata: &custom,
    };
    let identity = Identity { id: "entity-id", name: "entity_1", metadata: &metadata, aliases: &[alias] };
    fill(text, Some(&identity))
}

#[test]
fn directives_are_filled_in() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a/{{identity.entity.id}}/b", "a/entity-id/b"),
        ("{{ identity.entity.name }}", "entity_1"),
        ("{{identity.entity.metadata.team}}-{{identity.entity.metadata.a.b}}/*", "shop-dotted/*"),
        ("x/{{identity.entity.aliases.auth_kubernetes_1.id}}", "x/alias-id"),
        ("x/{{identity.entity.aliases.auth_kubernetes_1.name}}/+", "x/shop/orders/+"),
        ("{{identity.entity.aliases.auth_kubernetes_1.metadata.role}}", "orders"),
        ("{{identity.entity.aliases.auth_kubernetes_1.custom_metadata.tier}}", "one"),
    ] {
        assert_eq!(filled(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_text_with_a_directive_that_has_no_value_is_left_out() {
    for directive in [
        "",
        "identity.entity",
        "identity.entity.metadata",
        "identity.entity.metadata.none",
        "identity.entity.aliases.other.name",
        "identity.entity.aliases.auth_kubernetes_1",
        "identity.entity.aliases.auth_kubernetes_1.metadata.none",
        "identity.entity.groups.names",
        "identity.groups.names.admins.id",
        "time.now",
    ] {
        assert_eq!(filled(&format!("a/{{{{{directive}}}}}/b")), None, "{directive}");
    }
    assert_eq!(fill("a/{{identity.entity.id}}", None), None);
    assert_eq!(fill("a/b", None).as_deref(), Some("a/b"));
}

#[test]
fn a_value_never_widens_a_path() {
    for key in ["star", "plus", "empty"] {
        assert_eq!(filled(&format!("a/{{{{identity.entity.metadata.{key}}}}}*")), None, "{key}");
    }
}

#[test]
fn braces_come_in_pairs() {
    for (text, expected) in [
        ("a", Ok(false)),
        ("{a}", Ok(false)),
        ("{{a}}", Ok(true)),
        ("{{a}}{{b}}", Ok(true)),
        ("{{a", Err(Unbalanced)),
        ("a}}", Err(Unbalanced)),
        ("{{a}}}}", Err(Unbalanced)),
        ("{{a{{b}}", Err(Unbalanced)),
    ] {
        assert_eq!(is_templated(text), expected, "{text}");
    }
}
