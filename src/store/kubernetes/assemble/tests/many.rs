//! One assembly after another: what did not change is shared.

use std::sync::Arc;

use serde_json::json;

use super::place::Place;

/// A configured mount with ten roles, and a policy.
fn place() -> Place {
    let mut place = Place::new();
    place.mount("kubernetes", 1, json!({"kubernetesHost": "https://k"}));
    place.mount("other", 1, json!({"kubernetesHost": "https://o"}));
    for at in 0..10 {
        place.role(&format!("role-{at}"), 1, json!({"mountRef": {"name": "kubernetes"}}));
    }
    place.policy("p", 1, "path \"a\" { capabilities = [\"read\"] }");
    place
}

#[test]
fn what_did_not_change_is_the_same() {
    let mut place = place();
    let first = place.assemble(None).snapshot;
    let second = place.assemble(Some(&first)).snapshot;
    for path in ["kubernetes", "other"] {
        assert!(Arc::ptr_eq(first.mount(path).unwrap(), second.mount(path).unwrap()));
    }
    assert!(Arc::ptr_eq(&first.policies, &second.policies));
}

#[test]
fn a_changed_role_leaves_the_generation_and_the_other_roles() {
    let mut place = place();
    let first = place.assemble(None).snapshot;
    let changed = Arc::make_mut(&mut place.objects.roles[3]);
    changed.spec.bound_service_account_names = vec!["changed".to_owned()];
    changed.metadata.resource_version = Some("2".to_owned());
    place.objects.roles.remove(4);
    let second = place.assemble(Some(&first)).snapshot;
    let (before, after) = (first.mount("kubernetes").unwrap(), second.mount("kubernetes").unwrap());
    assert_eq!((before.generation, after.roles.len()), (after.generation, 9));
    assert_eq!(after.role("role-3").unwrap().bound_service_account_names, ["changed"]);
    assert!(after.role("role-4").is_none());
    assert!(Arc::ptr_eq(before.role("role-5").unwrap(), after.role("role-5").unwrap()));
    assert!(Arc::ptr_eq(first.mount("other").unwrap(), second.mount("other").unwrap()));
}

#[test]
fn an_object_of_the_same_version_is_not_parsed_again() {
    let mut place = place();
    place.assemble(None);
    // No API server does this; it shows that nobody looks.
    Arc::make_mut(&mut place.objects.roles[3]).spec.bound_service_account_names = vec!["changed".to_owned()];
    let mount = Arc::clone(place.assemble(None).snapshot.mount("kubernetes").unwrap());
    assert_eq!(mount.role("role-3").unwrap().bound_service_account_names, ["a"]);
}

#[test]
fn a_shorter_longest_lease_of_the_mount_is_applied_to_roles_that_did_not_change() {
    let mut place = place();
    Arc::make_mut(&mut place.objects.roles[0]).spec.token_period = "2h".to_owned();
    assert!(place.assemble(None).snapshot.mount("kubernetes").unwrap().role("role-0").is_some());
    Arc::make_mut(&mut place.objects.mounts[0]).spec.max_lease_ttl = "1h".to_owned();
    assert!(place.assemble(None).snapshot.mount("kubernetes").unwrap().role("role-0").is_none());
}

#[test]
fn another_config_or_another_object_is_another_generation() {
    let mut place = place();
    let first = place.assemble(None).snapshot;
    Arc::make_mut(&mut place.objects.mounts[0]).spec.issuer = "i".to_owned();
    let second = place.assemble(Some(&first)).snapshot;
    Arc::make_mut(&mut place.objects.mounts[0]).metadata.uid = Some("another".to_owned());
    let third = place.assemble(Some(&second)).snapshot;
    let mounts = [&first, &second, &third].map(|snapshot| snapshot.mount("kubernetes").unwrap());
    assert_ne!(mounts[0].generation, mounts[1].generation);
    assert_ne!(mounts[1].generation, mounts[2].generation);
    assert_eq!(mounts[0].about.accessor, mounts[1].about.accessor);
    assert_ne!(mounts[1].about.accessor, mounts[2].about.accessor);
}
