//! The custom resources at a real API server: it serves them, takes good objects as they are, and refuses bad ones.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests; `UPDATE` is read from the environment"
)]

pub mod support;

use std::fmt::Debug;
use std::path::Path;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Resource};
use rolegate::store::kubernetes::crd::{definitions, document, documents};
use rolegate::store::kubernetes::resources::{
    GateMount, GatePolicy, GateRole, MountSpec, PolicySpec, RoleSpec,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use support::kube::KubeApiserver;
use support::process::command_of;
use tokio::sync::OnceCell;

/// `UPDATE=1` writes the files anew.
#[test]
fn the_kept_definitions_are_those_that_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kind/crds");
    let update = std::env::var_os("UPDATE").is_some();
    for definition in definitions() {
        let text = document(&definition).unwrap();
        let file = folder.join(format!("{}.yaml", definition.spec.names.plural));
        if update {
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == text, "{}: differs from `rolegate crd`; UPDATE=1 writes it anew", file.display());
    }
    let printed = command_of(env!("CARGO_BIN_EXE_rolegate")).arg("crd").output().unwrap();
    assert!(printed.status.success());
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), documents().unwrap());
}

#[test]
fn no_definition_has_rules_that_older_api_servers_drop() {
    let text = documents().unwrap();
    assert!(!text.contains("x-kubernetes-validations") && !text.contains("nullable"), "{text}");
}

/// The shared API server, serving the custom resources.
async fn api() -> &'static KubeApiserver {
    static SERVED: OnceCell<()> = OnceCell::const_new();
    let api = KubeApiserver::shared().await;
    SERVED
        .get_or_init(async || {
            let client = api.client();
            let kept: Api<CustomResourceDefinition> = Api::all(client.clone());
            for definition in definitions() {
                let made = kept.create(&PostParams::default(), &definition).await.expect("a good definition");
                assert_eq!(made.spec.names.kind, definition.spec.names.kind);
                established(&kept, definition.metadata.name.as_deref().unwrap()).await;
            }
        })
        .await;
    api
}

async fn established(definitions: &Api<CustomResourceDefinition>, name: &str) {
    support::eventually(format_args!("{name} is established"), async || {
        let status = definitions.get_status(name).await.ok()?.status?;
        let conditions = status.conditions.unwrap_or_default();
        let refused =
            conditions.iter().find(|one| one.type_ == "NonStructuralSchema" && one.status == "True");
        assert!(refused.is_none(), "{refused:?}");
        conditions.iter().any(|one| one.type_ == "Established" && one.status == "True").then_some(())
    })
    .await;
}

/// A path that has just been established may be missing for a moment more.
async fn created<T>(client: &Client, namespace: &str, object: &T) -> T
where
    T: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<T> = Api::namespaced(client.clone(), namespace);
    let made = support::eventually("the object is taken", async || {
        match api.create(&PostParams::default(), object).await {
            Ok(made) => Some(made),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{error}"),
        }
    });
    let name = made.await.meta().name.clone().unwrap();
    api.get(&name).await.unwrap()
}

fn full_mount() -> MountSpec {
    serde_json::from_value(json!({
        "path": "clusters/eu1", "description": "d", "kubernetesHost": "https://k:6443", "kubernetesCACert": "c",
        "tokenReviewerRef": {"name": "reviewer"}, "pemKeys": ["p"], "issuer": "i", "disableIssValidation": false,
        "disableLocalCAJWT": true, "useAnnotationsAsAliasMetadata": true, "defaultLeaseTTL": "1h", "maxLeaseTTL": "1h30m",
        "tokenType": "batch", "listingVisibility": "unauth", "options": {"a": "b"},
    }))
    .unwrap()
}

fn full_role() -> RoleSpec {
    serde_json::from_value(json!({
        "mountRef": {"name": "kubernetes"}, "roleName": "Orders_1", "boundServiceAccountNames": ["a", "b*"],
        "boundServiceAccountNamespaces": ["shop"],
        "boundServiceAccountNamespaceSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "stage", "operator": "In", "values": ["prod"]}, {"key": "old", "operator": "DoesNotExist"}]},
        "audience": "x", "aliasNameSource": "serviceaccount_name", "aliasMetadata": {"a": "b"}, "tokenPolicies": ["p"],
        "tokenTTL": "1h", "tokenMaxTTL": "2h", "tokenExplicitMaxTTL": "3h", "tokenPeriod": "1.5h", "tokenNumUses": 3,
        "tokenNoDefaultPolicy": true, "tokenType": "service",
        "tokenBoundCIDRs": ["10.0.0.0/8", "::1", "2001:db8::/32", "/run/x.sock"],
    }))
    .unwrap()
}

#[tokio::test]
async fn good_objects_are_taken_and_read_back_as_they_are() {
    let api = api().await;
    let (client, namespace) = (api.client(), api.namespace(&[]).await);
    let mount = GateMount::new("eu1", full_mount());
    assert_eq!(created(&client, &namespace, &mount).await.spec, mount.spec);
    let bare = GateMount::new("bare", MountSpec::default());
    assert_eq!(created(&client, &namespace, &bare).await.spec, bare.spec);
    let role = GateRole::new("orders", full_role());
    assert_eq!(created(&client, &namespace, &role).await.spec, role.spec);
    let policy =
        GatePolicy::new("p", PolicySpec { policy_name: "P".to_owned(), rules: "path \"a\" {}".to_owned() });
    assert_eq!(created(&client, &namespace, &policy).await.spec, policy.spec);
}

#[tokio::test]
async fn every_field_is_in_the_full_objects_and_in_what_the_api_server_serves() {
    let api = api().await;
    let served = support::eventually("the schemas are served", async || {
        let request = hyper::Request::get("/openapi/v2").body(Vec::new()).unwrap();
        let openapi: Value = api.client().request(request).await.ok()?;
        let schemas = ["GateMount", "GateRole", "GatePolicy"]
            .map(|kind| openapi["definitions"][format!("dev.rolegate.v1alpha1.{kind}")].clone());
        schemas.iter().all(Value::is_object).then_some(schemas)
    })
    .await;
    let rules = json!({"policyName": "p", "rules": "r"});
    let full = [json!(full_mount()), json!(full_role()), rules];
    for ((definition, served), full) in definitions().iter().zip(&served).zip(&full) {
        let kind = &definition.spec.names.kind;
        let schema = json!(definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema);
        let mut fields = 0;
        described(kind, &schema, served, &mut fields);
        assert!(fields > 5, "{kind}: {fields} fields");
        let named = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(named(&schema["properties"]["spec"]["properties"]), named(full), "{kind}");
    }
}

/// Every field is served with its text.
fn described(path: &str, schema: &Value, served: &Value, fields: &mut usize) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let (path, served) = (format!("{path}.{name}"), &served["properties"][name]);
        let text = field["description"].as_str().unwrap_or_else(|| panic!("{path}: no text"));
        assert_eq!(served["description"], text, "{path}");
        *fields += 1;
        described(&path, field, served, fields);
        described(&path, &field["items"], &served["items"], fields);
    }
}

#[tokio::test]
async fn bad_objects_are_refused_with_the_field() {
    let api = api().await;
    let (client, namespace) = (api.client(), api.namespace(&[]).await);
    let cases = [
        ("GateMount", json!({"path": "/a"}), "spec.path"),
        ("GateMount", json!({"path": "a//b"}), "spec.path"),
        ("GateMount", json!({"path": "a b"}), "spec.path"),
        ("GateMount", json!({"path": "a,b"}), "spec.path"),
        ("GateMount", json!({"kubernetesHost": "x".repeat(2049)}), "spec.kubernetesHost"),
        ("GateMount", json!({"tokenReviewerRef": {}}), "spec.tokenReviewerRef.name"),
        ("GateMount", json!({"tokenReviewerRef": {"name": "a/b"}}), "spec.tokenReviewerRef.name"),
        ("GateMount", json!({"pemKeys": "p"}), "spec.pemKeys"),
        ("GateMount", json!({"disableIssValidation": "yes"}), "spec.disableIssValidation"),
        ("GateMount", json!({"defaultLeaseTTL": "1d"}), "spec.defaultLeaseTTL"),
        ("GateMount", json!({"maxLeaseTTL": "-1h"}), "spec.maxLeaseTTL"),
        ("GateMount", json!({"maxLeaseTTL": 3600}), "spec.maxLeaseTTL"),
        ("GateMount", json!({"tokenType": "default"}), "spec.tokenType"),
        ("GateMount", json!({"listingVisibility": "shown"}), "spec.listingVisibility"),
        ("GateMount", json!({"options": {"a": 1}}), "spec.options"),
        ("GateRole", json!({"mountRef": {"name": ""}}), "spec.mountRef.name"),
        ("GateRole", json!({"mountRef": null}), "spec.mountRef"),
        ("GateRole", json!({"roleName": "-a"}), "spec.roleName"),
        ("GateRole", json!({"boundServiceAccountNames": []}), "spec.boundServiceAccountNames"),
        ("GateRole", json!({"boundServiceAccountNames": null}), "spec.boundServiceAccountNames"),
        ("GateRole", json!({"boundServiceAccountNames": "a"}), "spec.boundServiceAccountNames"),
        (
            "GateRole",
            json!({"boundServiceAccountNamespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}),
            "spec.boundServiceAccountNamespaceSelector.matchExpressions.operator",
        ),
        (
            "GateRole",
            json!({"boundServiceAccountNamespaceSelector": {"matchExpressions": [{"operator": "Exists"}]}}),
            "spec.boundServiceAccountNamespaceSelector.matchExpressions.key",
        ),
        ("GateRole", json!({"aliasNameSource": "uid"}), "spec.aliasNameSource"),
        ("GateRole", json!({"tokenTTL": "soon"}), "spec.tokenTTL"),
        ("GateRole", json!({"tokenNumUses": -1}), "spec.tokenNumUses"),
        ("GateRole", json!({"tokenType": "both"}), "spec.tokenType"),
        ("GateRole", json!({"tokenBoundCIDRs": ["example"]}), "spec.tokenBoundCIDRs"),
        ("GatePolicy", json!({"rules": ""}), "spec.rules"),
        ("GatePolicy", json!({"rules": null}), "spec.rules"),
    ];
    for (kind, change, field) in cases {
        let mut spec = match kind {
            "GateMount" => json!({"kubernetesHost": "https://k"}),
            "GateRole" => {
                json!({"mountRef": {"name": "k"}, "boundServiceAccountNames": ["a"], "boundServiceAccountNamespaces": ["b"]})
            }
            _ => json!({"rules": "path \"a\" {}"}),
        };
        spec.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("rolegate.dev", "v1alpha1", kind));
        let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
        let object = DynamicObject::new("bad", &resource).data(json!({"spec": spec}));
        let refused = support::eventually("an answer", async || {
            match objects.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 404 => None,
                other => Some(other),
            }
        });
        match refused.await {
            Err(kube::Error::Api(status)) => {
                assert_eq!(status.code, 422, "{kind} {change}: {status}");
                assert!(status.message.contains(field), "{kind} {change}: {}", status.message);
            }
            other => panic!("{kind} {change}: {other:?}"),
        }
    }
}
