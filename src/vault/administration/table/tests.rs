//! The table by example, and the page that prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::core::mount::{Mount, MountAbout};
use crate::core::role::decode::decode;

fn snapshot() -> Snapshot {
    let role = json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b"});
    let role = decode("there", role.as_object().unwrap(), None, 3600).unwrap().role;
    let mount = |path: &str| {
        let mut mount = Mount::new(path, 1, MountAbout::of_path(path));
        mount.roles.insert("there".into(), Arc::new(role.clone()));
        (Box::from(path), Arc::new(mount))
    };
    let policies: BTreeMap<String, Arc<str>> =
        [("there".to_owned(), Arc::from("")), ("a/b".to_owned(), Arc::from(""))].into();
    Snapshot { mounts: [mount("kubernetes"), mount("clusters/eu1")].into(), policies: Arc::new(policies) }
}

fn asked(operation: Operation, path: &str) -> String {
    asked_of(operation, path, &|_| Objects::default())
}

fn claimed(names: &[&str]) -> Objects {
    Objects { claims: names.iter().map(ToString::to_string).collect(), new: None }
}

fn asked_of(operation: Operation, path: &str, objects: &(dyn Fn(&Key) -> Objects + Sync)) -> String {
    let snapshot = snapshot();
    let declared = Declared { snapshot: &snapshot, objects };
    let needed = Route::find(&snapshot, path).and_then(|route| needed(&declared, operation, &route));
    needed.map_or_else(
        || "none".to_owned(),
        |Needed { right, also, creates }| {
            assert_eq!(creates, right.verb == Verb::Create && right.resource != Resource::Mounts, "{path}");
            let objects = [vec![right.object], also].concat().join("+");
            format!("{} {} {objects}", right.verb.name(), right.resource.name())
        },
    )
}

#[test]
fn the_right_is_on_the_object_that_holds_what_the_path_names_and_a_deletion_takes_it_on_all_that_claim_it() {
    let objects = |key: &Key| match (key.kind, &*key.name) {
        (Kind::Mount, b"kubernetes") => claimed(&["home", "rival"]),
        (Kind::Role, _) if *key == Key::of_role("kubernetes", "there") => claimed(&["a", "b"]),
        (Kind::Role, _) if *key == Key::of_role("kubernetes", "bad") => claimed(&["c"]),
        (Kind::Policy, b"there") => claimed(&["p"]),
        (_, b"taken") => Objects { new: Some("taken-2".to_owned()), ..Objects::default() },
        _ => Objects::default(),
    };
    for (operation, path, right) in [
        (Read, "auth/kubernetes/role/There", "get gateroles a"),
        (Write, "auth/kubernetes/role/there", "update gateroles a"),
        (Delete, "auth/kubernetes/role/there", "delete gateroles a+b"),
        // Not in force, and yet there.
        (Write, "auth/kubernetes/role/bad", "update gateroles c"),
        (Write, "auth/kubernetes/role/new", "create gateroles kubernetes.new"),
        (Read, "auth/kubernetes/config", "get gatemounts home"),
        (Write, "auth/kubernetes/config", "update gatemounts home"),
        (Write, "sys/auth/kubernetes/tune", "update gatemounts home"),
        (Delete, "sys/auth/kubernetes", "delete gatemounts home+rival"),
        (Write, "sys/auth/new", "create gatemounts new"),
        (Write, "sys/policies/acl/There", "update gatepolicies p"),
        (Delete, "sys/policy/there", "delete gatepolicies p"),
        // Another's object has the name that it would have.
        (Write, "sys/policy/taken", "create gatepolicies taken-2"),
        (Write, "sys/auth/taken", "create gatemounts taken-2"),
        (List, "sys/policies/acl", "list gatepolicies "),
    ] {
        assert_eq!(asked_of(operation, path, &objects), right, "{operation:?} {path}");
    }
}

#[test]
fn every_operation_on_a_path_takes_one_right_on_one_object() {
    for (operation, path, right) in [
        (List, "auth/kubernetes/role", "list gateroles "),
        (List, "auth/kubernetes/role/", "list gateroles "),
        (Read, "auth/kubernetes/role/there", "get gateroles kubernetes.there"),
        (Read, "auth/kubernetes/role/THERE", "get gateroles kubernetes.there"),
        (Read, "auth/kubernetes/role/new", "get gateroles kubernetes.new"),
        (Write, "auth/kubernetes/role/new", "create gateroles kubernetes.new"),
        (Write, "auth/kubernetes/role/There", "update gateroles kubernetes.there"),
        (Write, "auth/clusters/eu1/role/there", "update gateroles clusters.eu1.there"),
        (Delete, "auth/kubernetes/role/there", "delete gateroles kubernetes.there"),
        (Delete, "auth/kubernetes/role/new", "delete gateroles kubernetes.new"),
        (Read, "auth/kubernetes/config", "get gatemounts kubernetes"),
        (Write, "auth/clusters/eu1/config", "update gatemounts clusters.eu1"),
        (Read, "sys/auth", "list gatemounts "),
        (Read, "sys/auth/kubernetes", "get gatemounts kubernetes"),
        (Read, "sys/auth/kubernetes/", "get gatemounts kubernetes"),
        (Write, "sys/auth/new", "create gatemounts new"),
        (Write, "sys/auth/clusters/eu2", "create gatemounts clusters.eu2"),
        (Delete, "sys/auth/kubernetes", "delete gatemounts kubernetes"),
        (Read, "sys/auth/kubernetes/tune", "get gatemounts kubernetes"),
        (Write, "sys/auth/kubernetes/tune", "update gatemounts kubernetes"),
        // The handlers trim these ends, too.
        (Write, "sys/auth//kubernetes/tune", "update gatemounts kubernetes"),
        (Write, "sys/auth/tune", "create gatemounts tune"),
        (Read, "sys/mounts/auth/kubernetes", "get gatemounts kubernetes"),
        (Write, "sys/mounts/auth/kubernetes/tune", "update gatemounts kubernetes"),
        (List, "sys/policies/acl", "list gatepolicies "),
        (List, "sys/policies/acl/", "list gatepolicies "),
        (Read, "sys/policies/acl/There", "get gatepolicies there"),
        (Write, "sys/policies/acl/There", "update gatepolicies there"),
        (Write, "sys/policies/acl/new", "create gatepolicies new"),
        (Write, "sys/policies/acl/a/b", "update gatepolicies a-b-c9d2a281f3"),
        (Delete, "sys/policies/acl/new", "delete gatepolicies new"),
        (List, "sys/policy", "list gatepolicies "),
        (Read, "sys/policy", "list gatepolicies "),
        (Read, "sys/policy/there", "get gatepolicies there"),
        (Write, "sys/policy/there", "update gatepolicies there"),
        (Delete, "sys/policy/there", "delete gatepolicies there"),
    ] {
        assert_eq!(asked(operation, path), right, "{operation:?} {path}");
    }
}

#[test]
fn a_policy_is_handed_out_by_the_name_of_its_object() {
    let snapshot = snapshot();
    let objects = |key: &Key| match &*key.name {
        b"there" => claimed(&["p", "q"]),
        b"p" => Objects { new: Some("p-2".to_owned()), ..Objects::default() },
        _ => Objects::default(),
    };
    let declared = Declared { snapshot: &snapshot, objects: &objects };
    assert_eq!(object_of_policy(&declared, "there"), "p");
    assert_eq!(
        object_of_policy(&declared, "p"),
        "p-2",
        "no object has it yet, and one of its name is another's"
    );
    assert_eq!(object_of_policy(&declared, "a/b"), "a-b-c9d2a281f3");
}

#[test]
fn everything_else_is_in_no_line() {
    for operation in [Read, List, Write, Delete, Operation::Patch, Operation::Header] {
        for path in [
            "auth/kubernetes",
            "auth/kubernetes/",
            "auth/kubernetes/login",
            "auth/kubernetes/config/",
            "auth/kubernetes/role/a/b",
            "auth/kubernetes/role/-",
            "auth/kubernetes/roles",
            "auth/nowhere/role/there",
            "auth/nowhere/config",
            "auth/token/create",
            "auth/token/lookup-self",
            "auth/token/revoke",
            "auth/token/accessors",
            "sys",
            "sys/",
            "sys/auth/",
            "sys/auth//",
            "sys/auth//tune",
            "sys/mounts",
            "sys/mounts/",
            "sys/mounts/secret",
            "sys/mounts/auth/",
            "sys/policies",
            "sys/policies/",
            "sys/policies/aclx",
            "sys/policies/rgp/there",
            "sys/policyx/there",
            "sys/capabilities-self",
            "sys/storage/backup",
            "sys/wrapping/wrap",
            "sys/internal/ui/mounts",
            "secret/foo",
            "",
        ] {
            assert_eq!(asked(operation, path), "none", "{operation:?} {path}");
        }
    }
    for (operation, path) in [
        (Read, "auth/kubernetes/role"),
        (Write, "auth/kubernetes/role"),
        (Delete, "auth/kubernetes/config"),
        (List, "auth/kubernetes/config"),
        (Operation::Patch, "auth/kubernetes/role/there"),
        (List, "auth/kubernetes/role/there"),
        (List, "sys/auth"),
        (Delete, "sys/auth/kubernetes/tune"),
        (Read, "sys/policies/acl"),
        (Write, "sys/policy"),
    ] {
        assert_eq!(asked(operation, path), "none", "{operation:?} {path}");
    }
}

#[test]
fn the_page_prints_the_table() {
    let page = include_str!("../../../../docs/administration.md");
    let printed = page.split("<!-- table -->\n").nth(1).and_then(|rest| rest.split("<!-- /table -->").next());
    let lines: Vec<String> = TABLE.iter().map(line).collect();
    let table =
        format!("| operation | path | verb | resource | object |\n|---|---|---|---|---|\n{}", lines.concat());
    assert_eq!(printed, Some(table.as_str()), "\n{table}");
}

fn line(Row(operation, path, when, verb, resource): &Row) -> String {
    let operation = match operation {
        Read => "read",
        List => "list",
        Write => "write",
        Delete => "delete",
        other => panic!("{other:?} is in the table"),
    };
    let when = match when {
        Always => "",
        New => ", it is not there",
        There => ", it is there",
    };
    let object = match (path.contains("<role>"), path.contains("<mount>"), path.contains("<policy>")) {
        (true, ..) => "`<mount>.<role>`",
        (_, true, _) if *verb != Verb::List => "`<mount>`",
        (.., true) => "`<policy>`",
        _ => "all",
    };
    format!("| {operation}{when} | `{path}` | `{}` | `{}` | {object} |\n", verb.name(), resource.name())
}
