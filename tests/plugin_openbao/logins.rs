//! Logins, and what a core makes of them.

use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Stage};
use crate::support::eventually;

#[tokio::test]
async fn a_login_gets_what_its_role_says_and_is_renewed_by_it() {
    let stage = Stage::new().await;
    let answer: Value = stage.login("orders").await.json();
    let auth = &answer["auth"];
    let metadata = json!({
        "role": "orders", "service_account_name": ACCOUNT, "service_account_namespace": stage.namespace,
        "service_account_secret_name": "", "service_account_uid": auth["metadata"]["service_account_uid"],
    });
    assert_eq!(auth["metadata"], metadata, "{answer}");
    assert_eq!(
        (&auth["lease_duration"], &auth["renewable"], &answer["data"]),
        (&json!(3600), &json!(true), &Value::Null)
    );
    let token = auth["client_token"].as_str().unwrap();
    let lookup: Value = stage.core.ask_as(token, "GET", "auth/token/lookup-self", None, &[]).await.json();
    let display_name = format!("kubernetes-{}-{ACCOUNT}", stage.namespace);
    assert_eq!(lookup["data"]["display_name"], json!(display_name), "{lookup}");

    stage.core.done("POST", "auth/kubernetes/role/orders", Some(json!({"token_ttl": "2h"}))).await;
    let renewed: Value = stage.core.ask_as(token, "POST", "auth/token/renew-self", None, &[]).await.json();
    assert_eq!(renewed["auth"]["lease_duration"], json!(7200), "{renewed}");

    let others = json!({"bound_service_account_names": "billing"});
    stage.core.done("POST", "auth/kubernetes/role/orders", Some(others)).await;
    let refused = stage.core.ask_as(token, "POST", "auth/token/renew-self", None, &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("failed to renew entry: "), "{}", refused.text());
    stage.core.done("DELETE", "auth/kubernetes/role/orders", None).await;
    let refused = stage.core.ask_as(token, "POST", "auth/token/renew-self", None, &[]).await;
    assert!(refused.text().contains("role orders does not exist during renewal"), "{}", refused.text());
}

#[tokio::test]
async fn a_role_by_labels_renews_by_the_labels_of_its_login() {
    let stage = Stage::new().await;
    let look = json!([{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]);
    stage.kube.allow(&stage.namespace, &stage.namespace, ACCOUNT, look).await;
    let selector = json!({
        "bound_service_account_names": ACCOUNT, "token_ttl": "1h",
        "bound_service_account_namespace_selector": r#"{"matchLabels":{"team":"shop"}}"#,
    });
    stage.core.done("POST", "auth/kubernetes/role/by-label", Some(selector)).await;
    let token = stage.client_token("by-label").await;
    let renewed = stage.core.ask_as(&token, "POST", "auth/token/renew-self", None, &[]).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let other = json!({"bound_service_account_namespace_selector": r#"{"matchLabels":{"team":"bank"}}"#});
    stage.core.done("POST", "auth/kubernetes/role/by-label", Some(other)).await;
    let refused = stage.core.ask_as(&token, "POST", "auth/token/renew-self", None, &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[tokio::test]
async fn a_login_is_wrapped_and_a_batch_role_gives_batch_tokens() {
    let stage = Stage::new().await;
    let fields = json!({"role": "orders", "jwt": stage.jwt});
    let wrapped = stage
        .core
        .ask_as("", "POST", "auth/kubernetes/login", Some(fields), &[("x-vault-wrap-ttl", "60")])
        .await;
    let wrapped: Value = wrapped.json();
    assert_eq!(wrapped["auth"], Value::Null, "{wrapped}");
    let token = wrapped["wrap_info"]["token"].as_str().unwrap();
    let opened: Value = stage.core.ask_as(token, "POST", "sys/wrapping/unwrap", None, &[]).await.json();
    assert_eq!(opened["auth"]["metadata"]["role"], json!("orders"), "{opened}");

    let batch = stage.role(json!({"token_type": "batch"}));
    stage.core.done("POST", "auth/kubernetes/role/batch", Some(batch)).await;
    let login: Value = stage.login("batch").await.json();
    assert_eq!(login["auth"]["token_type"], json!("batch"), "{login}");
    let token = login["auth"]["client_token"].as_str().unwrap();
    let lookup = stage.core.ask_as(token, "GET", "auth/token/lookup-self", None, &[]).await;
    assert_eq!(lookup.status, 200, "{}", lookup.text());
}

#[tokio::test]
async fn a_role_with_the_policy_root_gives_no_token() {
    let stage = Stage::new().await;
    let root = stage.role(json!({"token_policies": "root"}));
    stage.core.done("POST", "auth/kubernetes/role/root", Some(root)).await;
    let refused = stage.login("root").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("auth methods cannot create root tokens"), "{}", refused.text());
}

#[tokio::test]
async fn a_deny_on_a_role_holds_for_its_name_in_any_case() {
    let stage = Stage::new().await;
    let policy = r#"path "auth/kubernetes/role/*" { capabilities = ["read", "update"] }
        path "auth/kubernetes/role/orders" { capabilities = ["deny"] }"#;
    stage.core.done("POST", "sys/policies/acl/but-orders", Some(json!({"policy": policy}))).await;
    let create = json!({"policies": ["but-orders"]});
    let created: Value = stage.core.done("POST", "auth/token/create", Some(create)).await.json();
    let token = created["auth"]["client_token"].as_str().unwrap();
    stage.core.done("POST", "auth/kubernetes/role/Other", Some(stage.role(json!({})))).await;
    for (role, status) in [("orders", 403), ("ORDERS", 403), ("Orders", 403), ("other", 200), ("OTHER", 200)]
    {
        let path = format!("auth/kubernetes/role/{role}");
        let answer = stage.core.ask_as(token, "GET", &path, None, &[]).await;
        assert_eq!(answer.status, status, "{role}: {}", answer.text());
    }
}

#[tokio::test]
async fn every_path_has_its_help_and_the_server_keeps_its_openapi() {
    let stage = Stage::new().await;
    for (path, word) in [
        ("", "login"),
        ("config", "API server"),
        ("login", "service account"),
        ("role", "names"),
        ("role/orders", "bound_service_account_names"),
    ] {
        let answer = stage.core.ask("GET", &format!("auth/kubernetes/{path}?help=1"), None).await;
        let help: Value = answer.json();
        assert!(help["help"].as_str().unwrap_or_default().contains(word), "{path}: {}", answer.text());
    }
    let answer = stage.core.ask("GET", "auth/kubernetes/nothing/there?help=1", None).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    let document: Value = stage.core.ask("GET", "sys/internal/specs/openapi", None).await.json();
    let paths = document["paths"].as_object().unwrap();
    for path in ["config", "login", "role/", "role/{name}"] {
        assert!(paths.contains_key(&format!("/auth/kubernetes/{path}")), "{path}");
    }
    assert!(paths.contains_key("/sys/auth"), "the rest of it");
}

#[tokio::test]
async fn no_token_is_in_the_cores_log() {
    let stage = Stage::new().await;
    let token = stage.client_token("orders").await;
    let refused = stage.login("unknown").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    // The core writes down what the plugin says a moment later.
    let log = eventually("the refusal in the log", async || {
        let log = stage.core.log();
        log.contains("decided").then_some(log)
    })
    .await;
    for secret in [token.as_str(), stage.jwt.as_str()] {
        assert!(!log.contains(secret), "a token is in the log");
    }
}
