//! Everything that the table has, once; what it has not; and what is left in the log.

use serde_json::{Value, json};

use crate::stage::{Stage, ask, role};
use crate::support::kube::KubeApiserver;

#[tokio::test]
async fn an_administrator_of_everything_sets_up_a_mount_and_takes_it_down() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);
    let policy = json!({"policy": "path \"a\" { capabilities = [\"read\"] }"});
    let config = json!({"kubernetes_host": "https://127.0.0.1:1", "disable_local_ca_jwt": true});
    for (method, path, body, status) in [
        ("POST", "sys/auth/clusters/eu1", json!({"type": "kubernetes"}), 204),
        ("GET", "sys/auth/clusters/eu1", Value::Null, 200),
        ("POST", "sys/auth/clusters/eu1/tune", json!({"description": "eu"}), 204),
        ("GET", "sys/auth/clusters/eu1/tune", Value::Null, 200),
        ("GET", "sys/mounts/auth/clusters/eu1", Value::Null, 200),
        ("POST", "sys/mounts/auth/clusters/eu1/tune", json!({"description": "e u"}), 204),
        ("GET", "sys/mounts/auth/clusters/eu1/tune", Value::Null, 200),
        ("POST", "auth/clusters/eu1/config", config, 204),
        ("GET", "auth/clusters/eu1/config", Value::Null, 200),
        ("PUT", "sys/policies/acl/orders", policy.clone(), 204),
        ("PUT", "sys/policies/acl/orders", policy.clone(), 204),
        ("GET", "sys/policies/acl/orders", Value::Null, 200),
        ("LIST", "sys/policies/acl", Value::Null, 200),
        ("PUT", "sys/policy/billing", policy.clone(), 204),
        ("GET", "sys/policy/billing", Value::Null, 200),
        ("GET", "sys/policy", Value::Null, 200),
        ("GET", "sys/policy?list=true", Value::Null, 200),
        ("POST", "auth/clusters/eu1/role/orders", role("orders"), 204),
        ("POST", "auth/clusters/eu1/role/orders", role("orders,billing"), 204),
        ("GET", "auth/clusters/eu1/role/orders", Value::Null, 200),
        ("LIST", "auth/clusters/eu1/role", Value::Null, 200),
        ("DELETE", "auth/clusters/eu1/role/orders", Value::Null, 204),
        ("DELETE", "sys/policies/acl/orders", Value::Null, 204),
        ("DELETE", "sys/policy/billing", Value::Null, 204),
        ("DELETE", "sys/auth/clusters/eu1", Value::Null, 204),
    ] {
        let said = stage.ask(&admin.token, method, path, body).await;
        assert_eq!(said.0.status, status, "{method} {path}: {}", said.0.text());
    }
    stage.root("GET", "sys/auth/clusters/eu1", Value::Null).await.is(400);
}

#[tokio::test]
async fn what_is_not_in_the_table_is_refused_to_everyone() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);
    for (method, path, body) in [
        ("GET", "auth/token/lookup-self", Value::Null),
        ("POST", "auth/token/create", json!({"policies": ["root"]})),
        ("POST", "auth/token/revoke-self", Value::Null),
        ("LIST", "auth/token/accessors", Value::Null),
        ("POST", "sys/capabilities-self", json!({"path": "sys/auth"})),
        ("POST", "sys/storage/backup", json!({"name": "x"})),
        ("POST", "sys/wrapping/wrap", json!({"a": "b"})),
        ("GET", "sys/mounts", Value::Null),
        ("PATCH", "auth/kubernetes/role/orders", Value::Null),
        ("GET", "auth/nowhere/config", Value::Null),
        ("GET", "secret/foo", Value::Null),
    ] {
        let headers = [("content-type", "application/merge-patch+json")];
        ask(&stage.rolegate, &admin.token, method, path, body, &headers).await.is(403);
    }
    let line = stage.rolegate.wait_for_log("\"outcome\":\"unmapped\"").await;
    assert!(line.contains(&format!("system:serviceaccount:{}:{}", stage.namespace, admin.name)), "{line}");
}

#[tokio::test]
async fn each_administration_leaves_a_line_and_no_token() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let admin = stage.account(&[(&["list", "update"], "gatemounts", &[])]).await;
    let read = stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);
    stage.ask(&admin.token, "DELETE", "sys/auth/kubernetes", Value::Null).await.is(403);
    stage.ask(&admin.token, "POST", "auth/kubernetes/config", json!({})).await.is(400);
    let user = format!("\"user\":\"system:serviceaccount:{}:{}\"", stage.namespace, admin.name);
    for (outcome, verb, more) in [
        ("done", "list", format!("\"request_id\":{}", read["request_id"])),
        ("denied", "delete", "\"resource\":\"gatemounts\"".to_owned()),
        ("failed", "update", "\"object\":\"kubernetes\"".to_owned()),
    ] {
        let parts = [&user, &format!("\"outcome\":\"{outcome}\","), &format!("\"verb\":\"{verb}\""), &more];
        let all = |line: &str| parts.iter().all(|part| line.contains(*part));
        let line = stage.rolegate.process.stderr.wait_for(all).await;
        assert!(line.is_some(), "no line with {parts:?}: {}", stage.rolegate.process.stderr.tail());
    }
    stage.rolegate.signal("TERM");
    stage.rolegate.process.stderr.to_end().await;
    let signature = admin.token.rsplit('.').next().unwrap();
    let log = stage.rolegate.process.stderr.to_end().await.join("\n");
    assert!(!log.is_empty() && !log.contains(signature));
}

#[tokio::test]
async fn an_administrators_answer_is_wrapped_as_any_other() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    stage.root("POST", "auth/kubernetes/role/orders", role("")).await.is(204);
    let reader = stage.account(&[(&["get"], "gateroles", &[])]).await;
    let path = "auth/kubernetes/role/orders";
    stage.ask(&reader.token, "GET", path, Value::Null).await.is(200);
    let headers = [("x-vault-wrap-ttl", "60s")];
    let wrapped = ask(&stage.rolegate, &reader.token, "GET", path, Value::Null, &headers).await.is(200);
    assert_eq!(wrapped["data"], Value::Null);
    let token = wrapped["wrap_info"]["token"].as_str().unwrap();
    let unwrapped = stage.ask(token, "POST", "sys/wrapping/unwrap", Value::Null).await.is(200);
    assert_eq!(unwrapped["data"]["audience"], "x");
}
