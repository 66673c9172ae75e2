//! Tests of compiled policies.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{Acl, AclOperation, DEFAULT_POLICY, Identity, Permission, Policy, RESPONSE_WRAPPING_POLICY};

fn acl(texts: &[&str]) -> Acl {
    let policies: Vec<Policy> = texts.iter().map(|text| Policy::parse(text).expect(text)).collect();
    Acl::compile(&policies, None)
}

fn allows(acl: &Acl, operation: AclOperation, path: &str) -> bool {
    acl.allows(operation, path, &Map::new(), None).allowed
}

#[test]
fn capabilities_are_shown_as_the_reference_shows_them() {
    let acl = acl(&[r#"
        path "auth/kubernetes/role/*" { capabilities = ["read", "list"] }
        path "auth/kubernetes/role/one" { capabilities = ["deny"] }
        path "auth/+/config" { capabilities = ["update", "sudo"] }
        path "sys/auth" { capabilities = ["read"] }
    "#]);
    for (path, expected) in [
        ("auth/kubernetes/role/one", "deny"),
        ("auth/kubernetes/role/two", "list read"),
        ("auth/kubernetes/role", "deny"),
        ("auth/kubernetes/config", "sudo update"),
        ("sys/auth", "read"),
        ("sys/auth/x", "deny"),
        ("nothing", "deny"),
    ] {
        assert_eq!(acl.capabilities(path).join(" "), expected, "{path}");
    }
    assert_eq!(Acl::root().capabilities("x"), ["root"]);
}

#[test]
fn every_operation_needs_its_own_capability() {
    let operations = [
        (AclOperation::Create, "create"),
        (AclOperation::Update, "update"),
        (AclOperation::Read, "read"),
        (AclOperation::List, "list"),
        (AclOperation::Delete, "delete"),
        (AclOperation::Patch, "patch"),
    ];
    for (granted, capability) in operations {
        let acl = acl(&[&format!("path \"x\" {{ capabilities = [\"{capability}\"] }}")]);
        for (operation, _) in operations {
            assert_eq!(allows(&acl, operation, "x"), operation == granted, "{operation:?} with {capability}");
        }
        assert!(!allows(&acl, AclOperation::Header, "x"), "{capability}");
    }
}

#[test]
fn policies_add_up_and_a_denial_counts_on_its_own_path_alone() {
    let acl = acl(&[
        r#"path "a/one" { capabilities = ["read"] } path "b/*" { capabilities = ["deny"] }"#,
        r#"path "a/one" { capabilities = ["update"] } path "b/one" { capabilities = ["read"] }"#,
        r#"path "a/one" { capabilities = ["sudo"] } path "b/*" { capabilities = ["read"] }"#,
    ]);
    assert_eq!(acl.capabilities("a/one"), ["read", "sudo", "update"]);
    assert_eq!(acl.capabilities("b/one"), ["read"]);
    assert_eq!(acl.capabilities("b/two"), ["deny"]);
    let permission = acl.allows(AclOperation::Delete, "a/one", &Map::new(), None);
    assert_eq!(permission, Permission { allowed: false, sudo: true });
}

#[test]
fn root_may_do_everything_and_nobody_else_does_without_a_policy() {
    let root = Acl::root();
    assert!(root.is_root() && root.reaches("auth/kubernetes/"));
    assert_eq!(
        root.allows(AclOperation::Header, "x", &Map::new(), None),
        Permission { allowed: true, sudo: true }
    );
    let nobody = acl(&[]);
    assert!(!nobody.is_root() && !nobody.reaches("auth/kubernetes/"));
    assert!(!allows(&nobody, AclOperation::Read, "x"));
}

#[test]
fn a_path_with_directives_counts_for_whom_they_can_be_filled_in() {
    let policy = Policy::parse(DEFAULT_POLICY).unwrap();
    let metadata = BTreeMap::new();
    let identity = Identity { id: "e1", name: "entity_1", metadata: &metadata, aliases: &[] };
    let known = Acl::compile([&policy], Some(&identity));
    assert!(allows(&known, AclOperation::Read, "identity/entity/id/e1"));
    assert!(!allows(&known, AclOperation::Read, "identity/entity/id/e2"));
    assert!(allows(&known, AclOperation::Read, "identity/entity/name/entity_1"));
    let unknown = Acl::compile([&policy], None);
    assert!(!allows(&unknown, AclOperation::Read, "identity/entity/id/e1"));
    assert!(!allows(&unknown, AclOperation::Read, "identity/entity/id/{{identity.entity.id}}"));
    assert!(allows(&unknown, AclOperation::Read, "auth/token/lookup-self"));
}

#[test]
fn the_default_policy_lets_a_token_see_to_itself_and_no_more() {
    let acl = acl(&[DEFAULT_POLICY]);
    for (path, expected) in [
        ("auth/token/lookup-self", "read"),
        ("auth/token/renew-self", "update"),
        ("auth/token/revoke-self", "update"),
        ("sys/capabilities-self", "update"),
        ("sys/wrapping/lookup", "update"),
        ("cubbyhole/response", "create delete list read update"),
        ("identity/oidc/provider/p/authorize", "read update"),
        ("auth/token/lookup", "deny"),
        ("auth/token/lookup-accessor", "deny"),
        ("auth/token/create", "deny"),
        ("auth/kubernetes/config", "deny"),
        ("sys/auth", "deny"),
        ("sys/policies/acl", "deny"),
        ("x", "deny"),
    ] {
        assert_eq!(acl.capabilities(path).join(" "), expected, "{path}");
    }
    assert!(acl.reaches("cubbyhole/") && !acl.reaches("auth/kubernetes/"));
}

#[test]
fn a_wrapping_token_may_be_opened_and_no_more() {
    let acl = acl(&[RESPONSE_WRAPPING_POLICY]);
    assert_eq!(acl.capabilities("sys/wrapping/unwrap"), ["update"]);
    assert_eq!(acl.capabilities("cubbyhole/response"), ["create", "read"]);
    for path in ["sys/wrapping/lookup", "sys/wrapping/rewrap", "auth/token/lookup-self", "cubbyhole/x"] {
        assert_eq!(acl.capabilities(path), ["deny"], "{path}");
    }
}

#[test]
fn a_mount_is_reached_by_whoever_may_do_anything_in_it() {
    for (path, capability, expected) in [
        ("auth/kubernetes/role/*", "read", true),
        ("auth/kubernetes/role/one", "update", true),
        ("auth/kubernetes/*", "list", true),
        ("auth/*", "read", true),
        ("auth/+/role/one", "read", true),
        ("auth/kubernetes", "read", true),
        ("auth/kubernetes/role/*", "deny", false),
        ("auth/kubernetes2/role/*", "read", false),
        ("secret/*", "read", false),
    ] {
        let acl = acl(&[&format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}")]);
        assert_eq!(acl.reaches("auth/kubernetes/"), expected, "{path} {capability}");
    }
}

#[test]
fn compiled_policies_go_from_thread_to_thread() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Acl>();
    crosses::<Policy>();
}
