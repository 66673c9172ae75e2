//! Client tokens: what the Vault door has issued, shown at Envoy.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use super::{
    stage::{Plan, Refusal, Stage, role},
    support::{
        eventually,
        http::{Answer, Client},
        kube::KubeApiserver,
        upstream::Seen,
    },
};

/// Whatever is wrong with a client token, the caller is told the same.
const REFUSAL: Refusal = Refusal {
    reason: "client_token",
    status: 401,
    error: Some("invalid_token"),
    sentence: "permission denied",
};

/// Both doors; the account `orders` holds the roles `orders` and `billing`, the latter with batch tokens.
async fn stage(change: impl FnOnce(&mut Plan<'_>)) -> Stage<'static> {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    plan.server["vault"] = json!({ "listen": "127.0.0.1:0" });
    plan.roles()["billing"] = role("orders", &plan.namespace);
    plan.roles()["billing"]["token_type"] = json!("batch");
    change(&mut plan);
    plan.start().await
}

async fn vault(stage: &Stage<'_>, path: &str, token: &str, body: Value) -> Answer {
    let request = Request::post(format!("/v1/{path}")).header("x-vault-token", token);
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    Client::http1(stage.rolegate.vault()).send(request).await.unwrap()
}

/// Logs the account `orders` in.
async fn login(stage: &Stage<'_>, role: &str) -> String {
    let body = json!({ "role": role, "jwt": stage.plan.token().await });
    let answer = vault(stage, "auth/kubernetes/login", "", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Value>()["auth"]["client_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_opens_the_routes_of_its_role_and_the_upstream_sees_who_logged_in() {
    let stage = stage(|_| {}).await;
    let token = login(&stage, "orders").await;
    let bearer = format!("Bearer {token}");
    for (path, header) in [("/orders", ("authorization", &*bearer)), ("/reports", ("x-vault-token", &*token))]
    {
        let seen = Seen::of(&stage.http2().get(path, &[header]).await);
        assert_eq!(seen.values("x-rolegate-role"), ["orders"], "{path}");
        assert_eq!(seen.values("x-rolegate-service-account"), ["orders"], "{path}");
        assert_eq!(seen.values("x-rolegate-uid"), [&*stage.plan.uid], "{path}");
        assert!(!format!("{:?}", seen.headers).contains(&token), "the token has arrived");
    }
    for line in stage.rolegate.process.stderr.all() {
        assert!(!line.contains(&token), "a token in the log: {line}");
    }
}

#[tokio::test]
async fn a_login_in_another_role_does_not_open_the_route() {
    let stage = stage(|_| {}).await;
    let token = login(&stage, "billing").await;
    let seen = Seen::of(&stage.get("/reports", &token).await);
    assert_eq!(seen.values("x-rolegate-role"), ["billing"]);
    let answer = stage.get("/orders/other", &token).await;
    stage.assert_refused("/orders/other", &answer, &REFUSAL).await;
}

#[tokio::test]
async fn a_revoked_token_opens_nothing() {
    let stage = stage(|_| {}).await;
    let token = login(&stage, "orders").await;
    assert_eq!(stage.get("/orders", &token).await.status, 200);
    let revoked = vault(&stage, "auth/token/revoke-self", &token, json!({})).await;
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    let answer = stage.get("/orders/revoked", &token).await;
    stage.assert_refused("/orders/revoked", &answer, &REFUSAL).await;
}

#[tokio::test]
async fn a_token_that_was_never_issued_opens_nothing() {
    let stage = stage(|_| {}).await;
    for (path, token) in [("/orders/service", "hvs.never-issued"), ("/orders/batch", "hvb.never-issued")] {
        let answer = stage.get(path, token).await;
        stage.assert_refused(path, &answer, &REFUSAL).await;
    }
}

#[tokio::test]
async fn the_role_as_it_is_now_counts_and_not_as_it_was_at_the_login() {
    let mut stage = stage(|_| {}).await;
    let token = login(&stage, "orders").await;
    assert_eq!(stage.get("/orders", &token).await.status, 200);
    stage.plan.roles()["orders"]["bound_service_account_names"] = json!(["others"]);
    stage.plan.write_store();
    eventually("the role is another one", async || {
        (stage.get("/orders/before", &token).await.status == 403).then_some(())
    })
    .await;
    assert_eq!(stage.get("/orders/after", &token).await.status, 403);
    assert_eq!(stage.logged("/orders/after").await["reason"], "service_account_name");
}

#[tokio::test]
async fn a_setting_turns_client_tokens_away() {
    let stage = stage(|plan| plan.server["envoy"]["client_tokens"] = json!(false)).await;
    let token = login(&stage, "orders").await;
    let answer = stage.get("/orders/off", &token).await;
    stage.assert_refused("/orders/off", &answer, &REFUSAL).await;
}
