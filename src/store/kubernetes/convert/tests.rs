//! What the Vault door has written is read back from the objects that it becomes.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    LOCAL, OLD_NAMES, RoleFault, SELECTOR_TEXT, about, config, mount_path, mount_spec, policy_name,
    policy_spec, policy_text, role, role_name, role_spec,
};
use crate::core::mount::about::{ListingVisibility, MountTokenType};
use crate::core::mount::{MountAbout, decode as mount_decode};
use crate::core::role::Role;
use crate::core::role::decode::{DEFAULT_MAX_LEASE, decode};
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole, RoleSpec};

/// The object as it is after a way through the API server's JSON.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(object: &T) -> T {
    serde_json::from_value(serde_json::to_value(object).unwrap()).unwrap()
}

fn object_of(role: &Role) -> GateRole {
    let (spec, annotations) = role_spec(role, "kubernetes");
    let mut object = GateRole::new("kubernetes.some-role", spec);
    object.metadata.annotations = Some(annotations);
    stored(&object)
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z,*? -]{0,6}[a-z]", 1..4)
}

prop_compose! {
    fn fields()(
        names in names(),
        namespaces in prop::option::of(names()),
        selector in prop::sample::select(vec![
            "", "{}", " ", "null", "matchLabels: {a: 1, b: true}", r#"{"matchLabels":{"stage":"prod"}}"#, r#"{"foo":1}"#,
        ]),
        audience in "[ -~]{0,8}",
        alias in prop::sample::select(vec!["serviceaccount_uid", "serviceaccount_name"]),
        metadata in prop::collection::btree_map("[a-z]{1,3}", "[ -~]{0,4}", 0..3),
        policies in prop::option::of(names()),
        old in any::<[bool; 6]>(),
        ttl in 0_i64..5000, period in 0_i64..5000, explicit in 0_i64..5000, uses in 0_i64..4,
        kind in prop::sample::select(vec!["default", "service"]),
        no_default in any::<bool>(),
        cidrs in prop::sample::subsequence(vec!["10.0.0.0/8", "10.1.2.3/8", "10.0.0.1", "::1", "/run/x.sock", "a/b"], 0..4),
    ) -> Map<String, Value> {
        let named = |old: bool, field: &str| if old { field.to_owned() } else { format!("token_{field}") };
        let mut fields = json!({
            "bound_service_account_names": names, "audience": audience, "alias_name_source": alias,
            "alias_metadata": metadata, "token_type": kind, "token_no_default_policy": no_default,
            "bound_service_account_namespaces": namespaces.clone().unwrap_or_default(),
            "bound_service_account_namespace_selector":
                if selector.is_empty() && namespaces.is_none() { "{}" } else { selector },
            "token_explicit_max_ttl": explicit,
        });
        let object = fields.as_object_mut().unwrap();
        object.insert(named(old[0], "policies"), json!(policies));
        object.insert(named(old[1], "bound_cidrs"), json!(cidrs));
        object.insert(named(old[2], "num_uses"), json!(uses));
        object.insert(named(old[3], "ttl"), json!(ttl));
        object.insert(named(old[4], "max_ttl"), json!(ttl + 1));
        object.insert(named(old[5], "period"), json!(period));
        object.clone()
    }
}

proptest! {
    #[test]
    fn a_role_of_the_vault_door_is_read_back_from_its_object(fields in fields()) {
        let written = match decode("Some_Role", &fields, None, DEFAULT_MAX_LEASE) {
            Ok(written) => written.role,
            // Such as `*` beside other names.
            Err(_) => return Ok(()),
        };
        prop_assert_eq!(role(&object_of(&written), DEFAULT_MAX_LEASE), Ok(written));
    }
}

fn spec(json: Value) -> RoleSpec {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_role_with_expressions_is_kept_by_every_store_and_shown_as_json() {
    let object = GateRole::new(
        "orders",
        spec(json!({"mountRef": {"name": "k"}, "boundServiceAccountNames": ["a"],
            "boundServiceAccountNamespaceSelector": {"matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["dev"]}]}})),
    );
    let read = role(&object, DEFAULT_MAX_LEASE).unwrap();
    assert_eq!(
        read.fields()["bound_service_account_namespace_selector"],
        r#"{"matchExpressions":[{"key":"stage","operator":"NotIn","values":["dev"]}]}"#
    );
    assert_eq!(Role::from_json("orders", &read.to_json()), Ok(read.clone()));
    assert_eq!(role(&object_of(&read), DEFAULT_MAX_LEASE), Ok(read));
}

#[test]
fn the_text_as_typed_counts_only_while_it_means_the_same() {
    let fields = json!({"bound_service_account_names": "a", "bound_service_account_namespace_selector": "matchLabels: {a: b}", "ttl": 5});
    let written = decode("r", fields.as_object().unwrap(), None, DEFAULT_MAX_LEASE).unwrap().role;
    let mut object = object_of(&written);
    let annotations = object.metadata.annotations.clone().unwrap();
    assert_eq!(
        (annotations[OLD_NAMES].as_str(), annotations[SELECTOR_TEXT].as_str()),
        ("ttl", "matchLabels: {a: b}")
    );
    object
        .spec
        .bound_service_account_namespace_selector
        .as_mut()
        .unwrap()
        .match_labels
        .insert("c".into(), "d".into());
    let selector =
        role(&object, DEFAULT_MAX_LEASE).unwrap().bound_service_account_namespace_selector.unwrap();
    assert_eq!(selector.text, r#"{"matchLabels":{"a":"b","c":"d"}}"#);
    assert_eq!(selector.match_labels.len(), 2);
}

#[test]
fn what_the_vault_door_refuses_is_refused_with_the_field() {
    let good = json!({"mountRef": {"name": "k"}, "boundServiceAccountNames": ["a"], "boundServiceAccountNamespaces": ["b"]});
    for (change, told) in [
        (json!({"tokenTTL": "1x"}), "`tokenTTL`: "),
        (json!({"tokenNumUses": -1}), "'token_num_uses' cannot be negative"),
        (json!({"tokenTTL": "2h", "tokenMaxTTL": "1h"}), "'token_ttl' cannot be greater"),
        (json!({"tokenPeriod": "2h"}), "token period of"),
        (json!({"tokenType": "batch", "tokenPeriod": "1h"}), "'token_type' cannot be 'batch'"),
        (
            json!({"boundServiceAccountNamespaces": []}),
            "\"bound_service_account_namespaces\" can not be empty",
        ),
        (json!({"boundServiceAccountNames": []}), "\"bound_service_account_names\" can not be empty"),
        (json!({"boundServiceAccountNames": ["*", "a"]}), "can not mix"),
        (json!({"tokenBoundCIDRs": ["x"]}), "error parsing address"),
        (json!({"aliasNameSource": "x"}), "invalid alias_name_source"),
        (json!({"roleName": "a b"}), "`roleName`"),
        (
            json!({"boundServiceAccountNamespaceSelector": {"matchExpressions": [{"key": "a b", "operator": "DoesNotExist"}]}}),
            "`boundServiceAccountNamespaceSelector.matchExpressions`",
        ),
    ] {
        let mut json = good.clone();
        json.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let fault: RoleFault = role(&GateRole::new("r", spec(json)), 3600).unwrap_err();
        assert!(fault.to_string().starts_with(told), "{fault}");
    }
    assert_eq!(role_name(&GateRole::new("r", spec(good))), Ok("r".to_owned()));
}

#[test]
fn a_mount_is_read_back_from_its_object() {
    let fields = json!({"kubernetes_host": "https://k", "issuer": "i", "disable_iss_validation": false,
        "disable_local_ca_jwt": true, "use_annotations_as_alias_metadata": true});
    let written = mount_decode::decode(fields.as_object().unwrap()).unwrap();
    let mut told = MountAbout {
        description: "d".to_owned(),
        default_lease_ttl: 61,
        max_lease_ttl: 3600,
        token_type: MountTokenType::Batch,
        listing_visibility: ListingVisibility::Unauth,
        options: [("a".to_owned(), "b".to_owned())].into(),
        local: true,
        ..MountAbout::new([1; 20])
    };
    let (spec, annotations) = mount_spec("clusters/eu1", &told, Some(&written), None);
    let mut object = GateMount::new("eu1", spec);
    object.metadata.annotations = Some(annotations);
    object.metadata.uid = Some("0c1d".to_owned());
    let object = stored(&object);
    assert_eq!(object.metadata.annotations.as_ref().unwrap()[LOCAL], "true");
    let read = about(&object).unwrap();
    told.accessor = read.accessor.clone();
    told.uuid = "0c1d".to_owned();
    assert_eq!(read, told);
    assert_eq!(mount_path(&object), Ok("clusters/eu1".to_owned()));
    assert_eq!(config(&object.spec), Ok(Some(written)));
    let mut other = object;
    other.metadata.uid = Some("0c1e".to_owned());
    assert_ne!(about(&other).unwrap().accessor, read.accessor);
}

#[test]
fn a_policy_is_read_back_and_those_that_nobody_writes_are_refused() {
    let text = "path \"a\" { capabilities = [\"read\"] }";
    let object = GatePolicy::new("p-1", policy_spec("P_1", text));
    assert_eq!((policy_name(&object), policy_text(&object.spec)), (Ok("p_1".to_owned()), Ok(text)));
    for name in ["root", "Root", "response-wrapping"] {
        assert!(policy_name(&GatePolicy::new("x", policy_spec(name, text))).is_err(), "{name}");
    }
    assert!(policy_text(&policy_spec("a", "")).is_err());
    let fault = policy_text(&policy_spec("a", "path")).unwrap_err().to_string();
    assert!(fault.starts_with("`rules`: failed to parse policy: "), "{fault}");
}
