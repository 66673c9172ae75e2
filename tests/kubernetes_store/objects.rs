//! Objects that others apply: enforced, shown at the Vault door, judged, and never in each other's way.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::stage::{Replica, Stage};
use super::support::eventually;
use super::support::kube::KubeApiserver;

/// A GateMount `kubernetes` for the API server itself, with its reviewer's Secret.
async fn apply_mount(stage: &Stage<'_>) {
    let reviewer = json!({
        "metadata": { "name": "reviewer", "labels": { "rolegate.dev/reviewer": "true" } },
        "stringData": { "token": stage.reviewer().await },
    });
    stage.apply("Secret", "reviewer", reviewer).await;
    let spec = json!({
        "kubernetesHost": stage.api.url(),
        "kubernetesCACert": stage.api.ca_pem(),
        "tokenReviewerRef": { "name": "reviewer" },
    });
    stage.apply("GateMount", "kubernetes", json!({ "spec": spec })).await;
}

fn role(stage: &Stage<'_>, account: &str) -> Value {
    json!({ "spec": {
        "mountRef": { "name": "kubernetes" },
        "boundServiceAccountNames": [account],
        "boundServiceAccountNamespaces": [stage.namespace],
        "tokenType": "batch",
    }})
}

async fn stage_with_role(api: &'static KubeApiserver) -> (Stage<'static>, Replica, String) {
    let stage = Stage::new(api).await;
    let replica = stage.ready_replica().await;
    apply_mount(&stage).await;
    stage.apply("GateRole", "orders", role(&stage, "orders")).await;
    let jwt = stage.token().await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 200).await;
    (stage, replica, jwt)
}

#[tokio::test]
async fn an_object_that_is_applied_is_enforced_and_one_that_is_deleted_is_not() {
    let (stage, replica, jwt) = stage_with_role(KubeApiserver::shared().await).await;
    for (kind, name) in [("GateMount", "kubernetes"), ("GateRole", "orders")] {
        for condition in ["Accepted", "Ready"] {
            stage.condition(kind, name, condition, "True").await;
        }
    }
    let (status, shown) = replica.root("GET", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!((status, &shown["data"]["bound_service_account_names"]), (200, &json!(["orders"])));

    stage.delete("GateRole", "orders").await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 400).await;
    let (status, _) = replica.root("GET", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn the_vault_door_writes_to_the_object_that_holds_the_name_whatever_it_is_called() {
    let (stage, replica, _) = stage_with_role(KubeApiserver::shared().await).await;
    let named = json!({ "spec": {
        "mountRef": { "name": "kubernetes" },
        "roleName": "billing",
        "boundServiceAccountNames": ["billing"],
        "boundServiceAccountNamespaces": [stage.namespace],
    }});
    stage.apply("GateRole", "by-another-name", named).await;
    eventually("the role is there", async || {
        (replica.root("GET", "auth/kubernetes/role/billing", Value::Null).await.0 == 200).then_some(())
    })
    .await;
    replica.write("auth/kubernetes/role/Billing", json!({ "token_ttl": "90m" })).await;
    let object = stage.objects("GateRole").get("by-another-name").await.unwrap();
    assert_eq!(object.data["spec"]["tokenTTL"], "1h30m");
    assert_eq!(object.data["spec"]["boundServiceAccountNames"], json!(["billing"]), "the rest stays");
    assert_eq!(stage.names("GateRole").await.len(), 2);
    replica.write("sys/policies/acl/reader", json!({ "policy": "path \"a\" {}" })).await;
    assert_eq!(stage.names("GatePolicy").await, ["reader"]);
}

#[tokio::test]
async fn a_bad_object_leaves_the_good_ones_in_force_and_is_told_of() {
    let (stage, replica, jwt) = stage_with_role(KubeApiserver::shared().await).await;
    let mut bad = role(&stage, "orders");
    bad["spec"]["boundServiceAccountNames"] = json!(["*", "orders"]);
    stage.apply("GateRole", "bad", bad).await;
    let accepted = stage.condition("GateRole", "bad", "Accepted", "False").await;
    assert_eq!(accepted["reason"], "Invalid", "{accepted}");
    assert_ne!(replica.login("kubernetes", "bad", &jwt).await, 200);
    assert_eq!(replica.login("kubernetes", "orders", &jwt).await, 200);

    stage.apply("GateRole", "bad", role(&stage, "orders")).await;
    replica.logs_in_with("kubernetes", "bad", &jwt, 200).await;
    stage.condition("GateRole", "bad", "Accepted", "True").await;
}

#[tokio::test]
async fn of_two_objects_with_one_name_the_older_stays_until_it_goes() {
    let (stage, replica, jwt) = stage_with_role(KubeApiserver::shared().await).await;
    let mut second = role(&stage, "nobody");
    second["spec"]["roleName"] = json!("orders");
    // The age of objects is told in seconds.
    let newer = async |name: &str, than: &str| {
        let than = stage.objects("GateRole").get(than).await.unwrap().metadata.creation_timestamp;
        eventually("a newer object", async || {
            let applied = stage.apply("GateRole", name, second.clone()).await;
            if applied.metadata.creation_timestamp > than {
                return Some(applied);
            }
            stage.delete("GateRole", name).await;
            None
        })
        .await
    };
    assert_eq!(newer("a-second", "orders").await.data["spec"]["roleName"], "orders");
    let accepted = stage.condition("GateRole", "a-second", "Accepted", "False").await;
    assert_eq!(accepted["reason"], "Conflict", "{accepted}");
    assert_eq!(replica.login("kubernetes", "orders", &jwt).await, 200);

    stage.delete("GateRole", "orders").await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 403).await;
    stage.condition("GateRole", "a-second", "Ready", "True").await;
    // At the Vault door a name is deleted with all that claim it: none takes the place of another.
    newer("third", "a-second").await;
    stage.condition("GateRole", "third", "Accepted", "False").await;
    let (status, _) = replica.root("DELETE", "auth/kubernetes/role/orders", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(stage.names("GateRole").await, [""; 0]);
    assert_eq!(replica.login("kubernetes", "orders", &jwt).await, 400);
}

#[tokio::test]
async fn status_is_written_once_by_one_of_the_replicas() {
    let (stage, one, jwt) = stage_with_role(KubeApiserver::shared().await).await;
    let other = stage.ready_replica().await;
    for (kind, name) in [("GateMount", "kubernetes"), ("GateRole", "orders")] {
        stage.condition(kind, name, "Ready", "True").await;
        let before = stage.objects(kind).get(name).await.unwrap().metadata.resource_version;
        // More events, each of which is judged by both.
        for account in ["a", "b", "c"] {
            stage.apply("GateRole", "changing", role(&stage, account)).await;
            stage.condition("GateRole", "changing", "Ready", "True").await;
        }
        let after = stage.objects(kind).get(name).await.unwrap().metadata.resource_version;
        assert_eq!(after, before, "{kind}");
    }
    let changing = stage.objects("GateRole").get("changing").await.unwrap();
    let before = changing.metadata.resource_version.unwrap();
    other.logs_in_with("kubernetes", "orders", &jwt, 200).await;
    for role in ["x", "y"] {
        one.write(&format!("auth/kubernetes/role/{role}"), super::writes::role(&stage)).await;
        other.logs_in_with("kubernetes", role, &jwt, 200).await;
        stage.condition("GateRole", &format!("kubernetes.{role}"), "Ready", "True").await;
    }
    let changing = stage.objects("GateRole").get("changing").await.unwrap();
    assert_eq!(changing.metadata.resource_version.unwrap(), before);

    let leads = |replica: &Replica| {
        replica.rolegate.process.stderr.all().iter().any(|line| line.contains("\"leads\":true"))
    };
    assert!(leads(&one) && !leads(&other), "one writes at a time");
    one.rolegate.signal("TERM");
    assert!(one.rolegate.wait_exit().await.success());
    other.rolegate.wait_for_log("\"leads\":true").await;
    stage.apply("GateRole", "changing", role(&stage, "d")).await;
    stage.condition("GateRole", "changing", "Ready", "True").await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_takes_no_other_with_it() {
    let api = KubeApiserver::start().await;
    let stage = Stage::new(&api).await;
    laxer_definitions(&api).await;
    let replica = stage.ready_replica().await;
    apply_mount(&stage).await;
    stage.apply("GateRole", "orders", role(&stage, "orders")).await;
    let jwt = stage.token().await;
    replica.logs_in_with("kubernetes", "orders", &jwt, 200).await;

    let nobody = json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": "GateRole",
        "metadata": { "name": "nobody" },
        "spec": { "mountRef": { "name": "kubernetes" }, "boundServiceAccountNamespaces": ["*"] } });
    let nobody: DynamicObject = serde_json::from_value(nobody).unwrap();
    eventually("the API server takes a role without names", async || {
        stage.objects("GateRole").create(&PostParams::default(), &nobody).await.ok()
    })
    .await;

    let accepted = stage.condition("GateRole", "nobody", "Accepted", "False").await;
    assert_eq!(accepted["reason"], "Invalid", "{accepted}");
    let message = accepted["message"].as_str().unwrap();
    assert!(message.contains("cannot be read: missing field `boundServiceAccountNames`"), "{message}");
    replica.rolegate.wait_for_log("an object cannot be read and is not in force").await;
    stage.apply("GateRole", "billing", role(&stage, "orders")).await;
    replica.logs_in_with("kubernetes", "billing", &jwt, 200).await;
    assert_eq!(replica.login("kubernetes", "nobody", &jwt).await, 400);

    let later = stage.ready_replica().await;
    assert_eq!(later.login("kubernetes", "orders", &jwt).await, 200, "from a list with the bad one in it");
    assert_eq!(later.login("kubernetes", "nobody", &jwt).await, 400);
    stage.apply("GateRole", "nobody", role(&stage, "orders")).await;
    for replica in [&replica, &later] {
        replica.logs_in_with("kubernetes", "nobody", &jwt, 200).await;
    }
    let mended = stage.objects("GateRole").get("nobody").await.unwrap();
    assert_eq!(mended.metadata.annotations, None, "the cause is kept in no object");
}

/// Definitions that demand no field, as older ones may.
pub(crate) async fn laxer_definitions(api: &KubeApiserver) {
    let definitions: Api<CustomResourceDefinition> = Api::all(api.client());
    for definition in definitions.list(&ListParams::default()).await.unwrap() {
        let name = definition.name_any();
        // The API server itself may write its status meanwhile.
        eventually(format!("{name} is replaced"), async || {
            let mut definition = serde_json::to_value(definitions.get(&name).await.unwrap()).unwrap();
            let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
            forget_required(definition.pointer_mut(spec).unwrap());
            let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
            match definitions.replace(&name, &PostParams::default(), &definition).await {
                Err(kube::Error::Api(status)) if status.code == 409 => None,
                replaced => {
                    replaced.unwrap();
                    Some(())
                }
            }
        })
        .await;
    }
}

fn forget_required(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "required" || !value.is_array());
            fields.values_mut().for_each(forget_required);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_required),
        _ => {}
    }
}
