//! Which tokens go this way, and who goes the ways of before beside them.

use serde_json::{Value, json};

use crate::stage::{NAMESPACE, ROOT, Stage, ask};
use crate::support::eventually;
use crate::support::kube::{ISSUER, KubeApiserver, Signer};

/// What a token that nobody has issued hears.
const UNKNOWN: &str = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";

#[tokio::test]
async fn only_a_good_token_for_rolegate_administers() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);

    let api = stage.api;
    let for_others = api.token(&stage.namespace, &admin.name, &["another"], 600).await;
    let for_the_api_server = api.token(&stage.namespace, &admin.name, &[ISSUER], 600).await;
    let claiming = api.signer.resign(&for_others, |claims| {
        claims.insert("aud".to_owned(), json!("rolegate"));
        claims["kubernetes.io"]["serviceaccount"]["uid"] = json!("another");
    });
    for (what, token) in [
        ("for others", for_others.as_str()),
        ("for the API server", &for_the_api_server),
        ("of another signer", &Signer::new().resign(&admin.token, |_| ())),
        ("expired", &api.signer.expired(&admin.token)),
        ("of an account that is not", &claiming),
        ("cut", admin.token.trim_end_matches(|c: char| c != '.')),
        ("longer", &format!("{}.{}", admin.token, admin.token)),
        ("no token", "hvs.unknown"),
    ] {
        let error = stage.ask(token, "GET", "sys/auth", Value::Null).await.refused(403);
        assert_eq!(error, UNKNOWN, "{what}");
    }
    for reason in ["audience", "token_refused", "expired", "algorithm"] {
        let line = stage.rolegate.wait_for_log(&format!("\"reason\":\"{reason}\"")).await;
        assert!(line.contains("\"outcome\":\"refused\""), "{line}");
    }
}

#[tokio::test]
async fn a_bearer_is_as_good_and_what_is_taken_away_is_gone_after_a_while() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let admin = stage.account(&[(&["list"], "gatemounts", &[])]).await;
    let other = stage.account(&[(&["list"], "gatemounts", &[])]).await;
    stage.ask(&other.token, "GET", "sys/auth", Value::Null).await.is(200);
    stage.ask(&admin.token, "GET", "sys/auth", Value::Null).await.is(200);
    let bearer = format!("Bearer {}", admin.token);
    let headers = [("authorization", bearer.as_str())];
    ask(&stage.rolegate, "", "GET", "sys/auth", Value::Null, &headers).await.is(200);
    stage.api.delete_service_account(&stage.namespace, &admin.name).await;
    stage.api.unbind(NAMESPACE, &other.binding).await;
    for account in [admin, other] {
        eventually("the account is refused", async || {
            let said = stage.ask(&account.token, "GET", "sys/auth", Value::Null).await;
            (said.0.status == 403).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn policies_and_root_tokens_go_their_way_beside_it() {
    let stage = Stage::start(KubeApiserver::shared().await).await;
    let policy = json!({"policy": "path \"sys/auth\" { capabilities = [\"read\"] }"});
    stage.root("PUT", "sys/policies/acl/reader", policy).await.is(204);
    let made = stage.root("POST", "auth/token/create", json!({"policies": ["reader"]})).await.is(200);
    let reader = made["auth"]["client_token"].as_str().unwrap();
    stage.ask(reader, "GET", "sys/auth", Value::Null).await.is(200);
    stage.ask(reader, "GET", "sys/policies/acl/reader", Value::Null).await.is(403);
    // A root token that an operator has named in three parts is none of Kubernetes; a created one cannot be named so.
    assert_eq!(ROOT.split('.').count(), 3);
    let named = json!({"id": "aa.bb.cc", "policies": ["reader"]});
    stage.root("POST", "auth/token/create", named).await.refused(400);
}

#[tokio::test]
async fn without_a_home_cluster_a_kubernetes_token_is_unknown() {
    let api = KubeApiserver::shared().await;
    let stage = Stage::start(api).await;
    let admin = stage.account(&[(&["*"], "*", &[])]).await;
    let homeless = Stage::homeless().await;
    for path in ["sys/auth", "auth/kubernetes/config", "auth/token/lookup-self"] {
        let unknown = ask(&homeless, "hvs.unknown", "GET", path, Value::Null, &[]).await.refused(403);
        let said = ask(&homeless, &admin.token, "GET", path, Value::Null, &[]).await.refused(403);
        assert_eq!(said, unknown, "{path}");
    }
    ask(&homeless, ROOT, "GET", "sys/auth", Value::Null, &[]).await.is(200);
}
