//! Headers of requests: token, namespace, wrapping, a second factor, and where the client is.

use rolegate::doors::vault::Limits as Bounds;
use serde_json::{Value, json};

use crate::support::{Served, asked, error};

#[tokio::test]
async fn the_token_is_vaults_own_or_the_bearer() {
    let served = Served::new();
    let cases: [(&[&str], Value); 10] = [
        (&[], Value::Null),
        (&["X-Vault-Token:"], Value::Null),
        (&["X-Vault-Token: root"], json!("root")),
        (&["x-vault-token:  root "], json!("root")),
        (&["Authorization: Bearer root"], json!("root")),
        (&["Authorization: Bearer  root "], json!("root")),
        (&["Authorization: bearer root"], Value::Null),
        (&["Authorization: Basic cm9vdA=="], Value::Null),
        (&["X-Vault-Token: bogus", "Authorization: Bearer root"], json!("bogus")),
        (&["Authorization: Bearer bogus", "X-Vault-Token: root"], json!("root")),
    ];
    for (head, expected) in cases {
        let seen = asked(&served.ask("GET", "/v1/x", head, "").await);
        assert_eq!(seen["token"], expected, "{head:?}");
    }
}

#[tokio::test]
async fn only_the_root_namespace_is_there() {
    let served = Served::new();
    for name in ["", "root", "root/", "/"] {
        let head = format!("X-Vault-Namespace: {name}");
        assert_eq!(served.ask("POST", "/v1/x", &[&head], "{}").await.status, 200, "{name}");
    }
    for name in ["nope", "nope/"] {
        let head = format!("X-Vault-Namespace: {name}");
        served.ask("POST", "/v1/x", &[&head], "{}").await.is(404, &error("namespace not found"));
        served.ask("GET", "/v1/sys/health", &[&head], "").await.is(404, &error("namespace not found"));
    }
}

#[tokio::test]
async fn the_answer_is_wrapped_for_as_long_as_the_header_says() {
    let served = Served::new();
    for (value, expected) in [("60", json!(60)), ("5m", json!(300)), ("0", json!(0)), ("", Value::Null)] {
        let head = format!("X-Vault-Wrap-TTL: {value}");
        let seen = asked(&served.ask("POST", "/v1/x", &[&head, "X-Vault-Wrap-Format: jwt"], "{}").await);
        assert_eq!(seen["wrap_ttl"], expected, "{value}");
    }
    for value in ["x", "-5"] {
        let answer = served.ask("POST", "/v1/x", &[&format!("X-Vault-Wrap-TTL: {value}")], "{}").await;
        let text = answer.json()["errors"][0].as_str().unwrap().to_owned();
        assert_eq!(answer.status, 400, "{value}");
        assert!(text.starts_with("error parsing X-Vault-Wrap-TTL header: "), "{text}");
    }
}

#[tokio::test]
async fn the_other_headers_of_vaults_clients_change_nothing() {
    let served = Served::new();
    for head in [
        "X-Vault-Request: true",
        "X-Vault-Request: false",
        "X-Vault-Policy-Override: true",
        "X-Vault-Index: x",
        "X-Vault-Inconsistent: forward-active-node",
        "X-Vault-Forward: active-node",
        "X-Vault-No-Request-Forwarding: true",
        "X-Vault-MFA: x",
        "Origin: https://elsewhere.test",
    ] {
        let answer = served.ask("POST", "/v1/auth/kubernetes/login", &[head], "{\"role\":\"r\"}").await;
        assert_eq!(asked(&answer)["data"], json!({"role": "r"}), "{head}");
        assert_eq!(answer.json()["warnings"], Value::Null, "{head}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{head}");
    }
}

#[tokio::test]
async fn the_clients_address_is_found_as_configured() {
    let forwarded = "X-Forwarded-For: 192.0.2.1, 192.0.2.2";
    for (settings, expected) in [
        ("{}", json!("127.0.0.1")),
        ("{client_address: {x-forwarded-for: 1}}", json!("192.0.2.2")),
        ("{client_address: {x-forwarded-for: 2}}", json!("192.0.2.1")),
        ("{client_address: {x-forwarded-for: 3}}", Value::Null),
        ("{client_address: x-envoy-external-address}", json!("192.0.2.9")),
    ] {
        let served = Served::with(settings, Bounds::default());
        let head = [forwarded, "X-Envoy-External-Address: 192.0.2.9"];
        assert_eq!(asked(&served.ask("GET", "/v1/x", &head, "").await)["peer"], expected, "{settings}");
    }
}
