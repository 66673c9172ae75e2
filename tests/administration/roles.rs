//! What RBAC allows on roles is done, and nothing else; a policy is handed out by those who may bind it.

use serde_json::{Value, json};

use crate::stage::{Stage, role};
use crate::support::kube::KubeApiserver;

const ORDERS: &str = "auth/kubernetes/role/orders";
const BILLING: &str = "auth/kubernetes/role/billing";

#[tokio::test]
async fn who_may_read_roles_reads_them_and_writes_none() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    stage.root("POST", ORDERS, role("")).await.is(204);
    let reader = stage.account(&[(&["get", "list"], "gateroles", &[])]).await;

    let read = stage.ask(&reader.token, "GET", ORDERS, Value::Null).await.is(200);
    assert_eq!(read["data"]["audience"], "x");
    let listed = stage.ask(&reader.token, "LIST", "auth/kubernetes/role", Value::Null).await.is(200);
    assert_eq!(listed["data"]["keys"], json!(["orders"]));

    let changed = json!({"audience": "another"});
    for (method, path) in [("POST", ORDERS), ("POST", BILLING), ("DELETE", ORDERS)] {
        let error = stage.ask(&reader.token, method, path, changed.clone()).await.refused(403);
        assert_eq!(error, "1 error occurred:\n\t* permission denied\n\n", "{method} {path}");
    }
    for path in ["auth/kubernetes/config", "sys/auth", "sys/policies/acl/default"] {
        stage.ask(&reader.token, "GET", path, Value::Null).await.is(403);
    }
    assert_eq!(stage.root("GET", ORDERS, Value::Null).await.is(200)["data"]["audience"], "x");
    stage.root("GET", BILLING, Value::Null).await.is(404);
}

#[tokio::test]
async fn a_right_on_one_object_is_none_on_another() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let one = stage.account(&[(&["get", "create", "update"], "gateroles", &["kubernetes.orders"])]).await;
    stage.ask(&one.token, "POST", "auth/kubernetes/role/Orders", role("")).await.is(204);
    stage.ask(&one.token, "POST", ORDERS, json!({"audience": "y"})).await.is(204);
    stage.ask(&one.token, "GET", "auth/kubernetes/role/ORDERS", Value::Null).await.is(200);
    stage.ask(&one.token, "POST", BILLING, role("")).await.is(403);
    stage.ask(&one.token, "GET", BILLING, Value::Null).await.is(403);
    stage.ask(&one.token, "LIST", "auth/kubernetes/role", Value::Null).await.is(403);
}

#[tokio::test]
async fn creating_and_updating_are_two_rights() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    stage.root("POST", ORDERS, role("")).await.is(204);
    let creator = stage.account(&[(&["create"], "gateroles", &[])]).await;
    let updater = stage.account(&[(&["update"], "gateroles", &[])]).await;
    stage.ask(&updater.token, "POST", ORDERS, role("")).await.is(204);
    stage.ask(&updater.token, "POST", BILLING, role("")).await.is(403);
    stage.ask(&creator.token, "POST", ORDERS, role("")).await.is(403);
    stage.ask(&creator.token, "POST", BILLING, role("")).await.is(204);
    stage.ask(&creator.token, "POST", BILLING, role("")).await.is(403);
}

#[tokio::test]
async fn a_role_hands_out_what_its_writer_may_bind() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let write: (&[&str], &str, &[&str]) = (&["create", "update"], "gateroles", &[]);
    let without = stage.account(&[write]).await;
    let with = stage.account(&[write, (&["bind"], "gatepolicies", &["orders"])]).await;

    stage.ask(&without.token, "POST", BILLING, role("")).await.is(204);
    let error = stage.ask(&without.token, "POST", ORDERS, role("Orders")).await.refused(403);
    assert_eq!(
        error,
        "1 error occurred:\n\t* a role that hands out the policy \"orders\" takes the verb `bind` on \
         `gatepolicies.rolegate.dev/orders`\n\n"
    );
    stage.root("GET", ORDERS, Value::Null).await.is(404);

    stage.ask(&with.token, "POST", ORDERS, role("orders,default")).await.is(204);
    for policies in ["orders,admin", "admin", "root"] {
        stage.ask(&with.token, "POST", ORDERS, role(policies)).await.is(403);
    }
    // By its old name, too.
    stage.ask(&with.token, "POST", ORDERS, json!({"policies": "admin"})).await.is(403);
    let kept = stage.root("GET", ORDERS, Value::Null).await.is(200);
    assert_eq!(kept["data"]["token_policies"], json!(["orders", "default"]));

    // What the role names already is handed out anew to those whom the write lets in.
    stage.root("POST", ORDERS, role("orders,admin")).await.is(204);
    let wider = json!({"bound_service_account_names": "*"});
    stage.ask(&with.token, "POST", ORDERS, wider.clone()).await.is(403);
    let kept = stage.root("GET", ORDERS, Value::Null).await.is(200);
    assert_eq!(kept["data"]["bound_service_account_names"], json!(["a"]));
    stage.root("POST", ORDERS, role("orders")).await.is(204);
    stage.ask(&with.token, "POST", ORDERS, wider).await.is(204);
}
