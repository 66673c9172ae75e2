//! Objects good and bad, alone and against each other.

mod many;
mod place;

use super::{Kind, Reason, Reviewer};
use place::Place;
use serde_json::json;

#[test]
fn good_objects_are_in_force() {
    let mut place = Place::new();
    place.mount("kubernetes", 1, json!({"kubernetesHost": "https://k"}));
    place.role("orders", 1, json!({"mountRef": {"name": "kubernetes"}}));
    place.policy("orders", 1, "path \"a\" { capabilities = [\"read\"] }");
    let assembled = place.assemble(None);
    let mount = assembled.snapshot.mount("kubernetes").unwrap();
    assert_eq!(mount.config.as_ref().unwrap().kubernetes_host, "https://k");
    assert_eq!(mount.role("ORDERS").unwrap().bound_service_account_names, ["a"]);
    assert!(assembled.snapshot.policies.contains_key("orders"));
    for kind in [Kind::GateMount, Kind::GateRole, Kind::GatePolicy] {
        assert_eq!(assembled.verdicts.iter().filter(|verdict| verdict.object.kind == kind).count(), 1);
    }
    assert!(assembled.verdicts.iter().all(|verdict| verdict.accepted.holds && verdict.ready.holds));
}

#[test]
fn a_mount_that_is_not_good_is_there_without_config_and_takes_no_other_with_it() {
    for (spec, accepted, ready) in [
        (json!({}), Reason::Accepted, Reason::NotConfigured),
        (json!({"kubernetesHost": "h", "kubernetesCACert": "bad"}), Reason::Invalid, Reason::Invalid),
        (json!({"kubernetesHost": "h", "pemKeys": ["bad"]}), Reason::Invalid, Reason::Invalid),
        (
            json!({"kubernetesHost": "h", "defaultLeaseTTL": "2h", "maxLeaseTTL": "1h"}),
            Reason::Invalid,
            Reason::Invalid,
        ),
        (reviewed_by("none"), Reason::Accepted, Reason::ReviewerNotFound),
        (reviewed_by("unlabelled"), Reason::Accepted, Reason::ReviewerNotLabelled),
        (reviewed_by("empty"), Reason::Accepted, Reason::ReviewerWithoutToken),
    ] {
        let mut place = Place::new();
        place.reviewer("unlabelled", Reviewer::NoLabel);
        place.reviewer("empty", Reviewer::NoToken);
        place.mount("bad", 1, spec.clone());
        place.mount("good", 1, json!({"kubernetesHost": "h"}));
        place.role("orders", 1, json!({"mountRef": {"name": "bad"}}));
        let assembled = place.assemble(None);
        assert_eq!(place.reasons(&assembled, "bad"), (accepted, ready), "{spec}");
        let mount = assembled.snapshot.mount("bad").unwrap();
        assert!(mount.config.is_none(), "{spec}");
        assert!(spec.get("maxLeaseTTL").is_none() || mount.about.max_lease() == 1, "{spec}");
        assert!(assembled.snapshot.mount("good").unwrap().config.is_some());
        assert_eq!(place.reasons(&assembled, "orders"), (Reason::Accepted, Reason::MountNotReady));
    }
}

#[test]
fn a_labelled_reviewers_token_is_used_and_shown_nowhere() {
    let mut place = Place::new();
    place.reviewer("reviewer", Reviewer::Token("hunter2".to_owned().into()));
    place.mount("kubernetes", 1, reviewed_by("reviewer"));
    let assembled = place.assemble(None);
    let config = assembled.snapshot.mount("kubernetes").unwrap().config.clone().unwrap();
    assert_eq!(config.token_reviewer_jwt.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{assembled:?}").contains("hunter2"));
}

#[test]
fn of_two_that_claim_one_path_or_name_the_older_stays_whatever_it_holds() {
    let mut place = Place::new();
    place.mount("newer", 2, json!({"path": "kubernetes", "kubernetesHost": "https://evil"}));
    place.mount("inside", 3, json!({"path": "kubernetes/eu1", "kubernetesHost": "https://evil"}));
    place.mount("older", 1, json!({"path": "kubernetes"}));
    place.mount("token", 1, json!({"kubernetesHost": "https://evil"}));
    place.role("newer-role", 2, json!({"mountRef": {"name": "older"}, "roleName": "Orders"}));
    place.role(
        "older-role",
        1,
        json!({"mountRef": {"name": "older"}, "roleName": "orders", "tokenBoundCIDRs": ["bad"]}),
    );
    place.role("orphan", 1, json!({"mountRef": {"name": "gone"}}));
    place.role("of-newer", 1, json!({"mountRef": {"name": "newer"}}));
    place.policy("newer-policy", 2, "path \"a\" { capabilities = [\"read\"] }");
    place.policy("older-policy", 1, "path");
    let assembled = place.assemble(None);
    for (name, reason) in [
        ("newer", Reason::Conflict),
        ("inside", Reason::Conflict),
        ("older", Reason::Accepted),
        ("token", Reason::Invalid),
        ("newer-role", Reason::Conflict),
        ("older-role", Reason::Invalid),
        ("orphan", Reason::MountNotFound),
        ("of-newer", Reason::MountNotAccepted),
        ("newer-policy", Reason::Accepted),
        ("older-policy", Reason::Invalid),
    ] {
        assert_eq!(place.reasons(&assembled, name).0, reason, "{name}");
    }
    assert_eq!(assembled.snapshot.mounts.len(), 1);
    let mount = assembled.snapshot.mount("kubernetes").unwrap();
    assert!(mount.config.is_none() && mount.roles.is_empty());
}

#[test]
fn objects_of_one_second_are_told_apart_by_uid_and_order_does_not_matter() {
    let mut place = Place::new();
    place.policy_named("b", 1, "p", "path \"b\" { capabilities = [\"read\"] }");
    place.policy_named("a", 1, "P", "path \"a\" { capabilities = [\"read\"] }");
    let first = place.assemble(None);
    assert_eq!(place.reasons(&first, "a").0, Reason::Accepted);
    assert_eq!(place.reasons(&first, "b").0, Reason::Conflict);
    assert!(first.snapshot.policies["p"].contains("\"a\""));
    place.objects.policies.reverse();
    assert_eq!(place.assemble(None).snapshot.policies, first.snapshot.policies);
}

#[test]
fn a_policy_that_does_not_parse_stays_under_its_name_and_is_told_of() {
    let mut place = Place::new();
    place.policy("default", 1, "path \"a\" {");
    let assembled = place.assemble(None);
    assert_eq!(&*assembled.snapshot.policies["default"], "path \"a\" {");
    assert!(place.verdict(&assembled, "default").accepted.message.contains("failed to parse policy"));
}

#[test]
fn what_cannot_be_read_keeps_its_name_from_newer_objects_and_says_why() {
    let mut place = Place::new();
    place.mount("older", 1, json!({"path": "kubernetes"}));
    place.mount("newer", 2, json!({"path": "kubernetes", "kubernetesHost": "https://evil"}));
    place.mount("good", 1, json!({"kubernetesHost": "h"}));
    place.role("older-role", 1, json!({"mountRef": {"name": "good"}, "roleName": "orders"}));
    place.role("newer-role", 2, json!({"mountRef": {"name": "good"}, "roleName": "orders"}));
    place.role("nowhere", 1, json!({"mountRef": {"name": ""}}));
    place.policy("default", 1, "path \"a\" { capabilities = [\"read\"] }");
    for name in ["older", "older-role", "nowhere", "default"] {
        place.is_unreadable(name, "missing field `x`");
    }
    let assembled = place.assemble(None);
    for name in ["older", "older-role", "nowhere", "default"] {
        assert_eq!(place.reasons(&assembled, name), (Reason::Invalid, Reason::Invalid), "{name}");
        let verdict = place.verdict(&assembled, name);
        assert_eq!(verdict.accepted.message, "the object cannot be read: missing field `x`");
    }
    assert_eq!(place.reasons(&assembled, "newer").0, Reason::Conflict);
    assert_eq!(place.reasons(&assembled, "newer-role").0, Reason::Conflict);
    let snapshot = &assembled.snapshot;
    assert!(snapshot.mount("kubernetes").unwrap().config.is_none());
    assert_eq!(snapshot.mount("kubernetes").unwrap().about.max_lease(), 1);
    assert!(snapshot.mount("good").unwrap().roles.is_empty());
    assert!(snapshot.policies.contains_key("default"), "the built-in policy does not come back");
}

fn reviewed_by(name: &str) -> serde_json::Value {
    json!({"kubernetesHost": "h", "tokenReviewerRef": {"name": name}})
}
