//! What the recorded cases (`tests/decode_cases.rs`) do not reach.

use serde_json::{Value, json};

use super::{DEFAULT_MAX_LEASE, OldNames, RoleError, RoleWrite, decode, go_text, is_role_name};

fn write(fields: &Value, existing: Option<&RoleWrite>) -> Result<RoleWrite, RoleError> {
    let existing = existing.map(|before| &before.role);
    decode("Orders", fields.as_object().unwrap(), existing, DEFAULT_MAX_LEASE)
}

fn base() -> RoleWrite {
    let fields = json!({
        "bound_service_account_names": "orders", "bound_service_account_namespaces": "shop", "audience": "a",
    });
    write(&fields, None).unwrap()
}

#[test]
fn the_role_is_stored_in_lower_case_and_warned_of_as_it_was_written() {
    let fields = json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b"});
    let written = write(&fields, None).unwrap();
    assert_eq!(written.role.name, "orders");
    assert!(
        written.warnings[0].starts_with("Role Orders does not have an audience"),
        "{:?}",
        written.warnings
    );
}

#[test]
fn stored_values_count_in_the_checks() {
    let batch = write(&json!({"token_type": "batch"}), Some(&base())).unwrap();
    assert_eq!(write(&json!({"token_period": 5}), Some(&batch)), Err(RoleError::PeriodicBatch));
    assert_eq!(write(&json!({"token_num_uses": 5}), Some(&batch)), Err(RoleError::CountedBatch));
    let short = write(&json!({"token_max_ttl": 5}), Some(&base())).unwrap();
    assert_eq!(write(&json!({"token_ttl": 6}), Some(&short)), Err(RoleError::TokenTtlAboveMax));
}

#[test]
fn a_new_name_beats_an_old_one_and_alone_makes_it_forgotten() {
    let old = write(&json!({"ttl": 5, "policies": "B,a"}), Some(&base())).unwrap();
    assert_eq!(old.role.old_names, OldNames { ttl: true, policies: true, ..OldNames::default() });
    assert_eq!(old.role.token.policies, ["a", "b"]);
    let both = write(&json!({"token_ttl": 6, "ttl": 7}), Some(&old)).unwrap();
    assert_eq!((both.role.token.ttl, both.role.old_names.ttl), (6, true));
    let new = write(&json!({"token_ttl": 8, "token_policies": "B"}), Some(&both)).unwrap();
    assert_eq!((new.role.token.ttl, new.role.old_names), (8, OldNames::default()));
    assert_eq!(new.role.token.policies, ["B"]);
}

#[test]
fn the_mounts_own_maximum_counts() {
    let fields = json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b",
                        "audience": "c", "token_period": 61});
    let error = decode("r", fields.as_object().unwrap(), None, 60).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"token period of '"1m1s"' is greater than the backend's maximum lease TTL of '"1m0s"'"#
    );
    assert_eq!(go_text(769 * 3600 + 61), "769h1m1s");
}

#[test]
fn role_names_are_words_with_dots_and_dashes_inside() {
    for good in ["a", "_", "a.b-c_d", "a..b", "A1"] {
        assert!(is_role_name(good), "{good}");
    }
    for bad in ["", "-bad", "bad-", ".", "a/b", "a b", "a:b", "é"] {
        assert!(!is_role_name(bad), "{bad}");
    }
}
