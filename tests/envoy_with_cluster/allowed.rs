//! Who is let through, and what the upstream then sees.

use serde_json::json;

use super::{
    stage::{Plan, Stage, role},
    support::{http::Client, kube::KubeApiserver, upstream::Seen},
};

const KEYS: [&str; 7] = ["mount", "role", "namespace", "service-account", "uid", "policies", "decision-id"];

/// Spellings under which an identity might be smuggled in.
const SPOOFED: [(&str, &str); 6] = [
    ("x-rolegate-role", "admin"),
    ("x-rolegate-role", "root"),
    ("X-ROLEGATE-UID", "0"),
    ("X-Rolegate-Anything", "1"),
    ("x-rolegate-", "2"),
    ("x-other", "kept"),
];

/// The same with underscores, which production.yaml refuses, and with dots.
const WITH_UNDERSCORES: [(&str, &str); 5] = [
    ("X_Rolegate_Role", "admin"),
    ("x-rolegate_uid", "0"),
    ("x_rolegate-new", "1"),
    ("x.rolegate.role", "admin"),
    ("X-Rolegate.Uid", "0"),
];

async fn shared<'a>() -> Plan<'a> {
    Plan::new(KubeApiserver::shared().await).await
}

/// All headers under our prefix or that look like it.
fn ours(seen: &Seen) -> Vec<(String, String)> {
    let like = |name: &str| name.to_lowercase().replace(['_', '.'], "-").starts_with("x-rolegate");
    let mut ours: Vec<_> = seen.headers.iter().filter(|(name, _)| like(name)).cloned().collect();
    ours.sort();
    ours
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn the_upstream_sees_who_calls_and_never_the_token() {
    let stage = shared().await.start().await;
    let token = stage.plan.token().await;
    for (client, version, path) in
        [(stage.http1(), "HTTP/1.1", "/orders/one"), (stage.http2(), "HTTP/2", "/orders/two")]
    {
        let headers = [("authorization", &*bearer(&token)), ("x-vault-token", "unused"), ("x-other", "kept")];
        let seen = Seen::of(&client.get(path, &headers).await);

        let logged = stage.logged(path).await;
        let id = logged["decision_id"].as_str().unwrap();
        assert_eq!(
            KEYS.map(|key| seen.values(&format!("x-rolegate-{key}"))),
            [
                ["kubernetes"],
                ["orders"],
                [&*stage.plan.namespace],
                ["orders"],
                [&*stage.plan.uid],
                ["default,orders"],
                [id]
            ],
            "{version}"
        );
        assert_eq!(ours(&seen).len(), KEYS.len());
        assert_eq!(seen.values("x-other"), ["kept"]);
        assert!(!format!("{:?}", seen.headers).contains(&token), "the token has arrived");
        assert_eq!([seen.values("authorization"), seen.values("x-vault-token")], [[""; 0]; 2]);
        assert_eq!(
            [&logged["outcome"], &logged["reason"], &logged["role"]],
            [&json!("allow"), &json!("allowed"), &json!("orders")]
        );
    }
    assert_eq!(
        stage.rolegate.metric("rolegate_decisions_total", &[r#"door="envoy""#, r#"outcome="allow""#]).await,
        2.0
    );
    assert_eq!(
        stage.rolegate.metric("rolegate_reviews_total", &[]).await,
        1.0,
        "the second one was remembered"
    );
    for line in stage.rolegate.process.stderr.all() {
        assert!(!line.contains(&token), "a token in the log: {line}");
    }
}

#[tokio::test]
async fn the_client_is_told_nothing_of_the_identity() {
    let stage = shared().await.start().await;
    let answer = stage.get("/orders", &stage.plan.token().await).await;
    Seen::of(&answer);
    let ours = answer.headers.keys().find(|name| name.as_str().contains("rolegate"));
    assert_eq!(ours, None);
}

#[tokio::test]
async fn spoofed_identity_headers_reach_no_upstream_on_guarded_and_on_public_routes() {
    let stage = shared().await.start().await;
    let token = bearer(&stage.plan.token().await);
    for client in [stage.http1(), stage.http2()] {
        assert_eq!(ours(&Seen::of(&client.get("/public", &SPOOFED).await)), []);

        let mut headers = SPOOFED.to_vec();
        headers.push(("authorization", &token));
        let seen = Seen::of(&client.get("/orders", &headers).await);
        assert_only_true_ones(&stage, &seen);
        assert_eq!(seen.values("x-other"), ["kept"]);
    }
}

#[tokio::test]
async fn rolegate_itself_takes_spoofed_headers_out_of_what_it_allows() {
    let mut plan = shared().await;
    plan.let_spoofed_headers_into_envoy();
    let stage = plan.start().await;
    let token = bearer(&stage.plan.token().await);
    for client in [stage.http1(), stage.http2()] {
        let headers: Vec<_> =
            SPOOFED.into_iter().chain(WITH_UNDERSCORES).chain([("authorization", &*token)]).collect();
        assert_only_true_ones(&stage, &Seen::of(&client.get("/orders", &headers).await));
        // The same headers do arrive where nothing takes them out: the test would see them.
        assert!(!ours(&Seen::of(&client.get("/public", &headers).await)).is_empty());
    }
}

/// Exactly our seven, each once and with its true value.
#[track_caller]
fn assert_only_true_ones(stage: &Stage<'_>, seen: &Seen) {
    let ours = ours(seen);
    assert_eq!(ours.len(), KEYS.len(), "{ours:?}");
    assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
    assert_eq!(seen.values("x-rolegate-uid"), [&*stage.plan.uid]);
}

#[tokio::test]
async fn a_header_without_a_value_is_left_out_and_a_spoofed_one_does_not_take_its_place() {
    let mut plan = shared().await;
    plan.roles()["orders"]["token_policies"] = json!([]);
    plan.roles()["orders"]["token_no_default_policy"] = json!(true);
    plan.let_spoofed_headers_into_envoy();
    let stage = plan.start().await;
    let token = bearer(&stage.plan.token().await);
    let headers = [("authorization", &*token), ("x-rolegate-policies", "root")];
    let seen = Seen::of(&stage.http1().get("/orders", &headers).await);
    assert_eq!(seen.values("x-rolegate-policies"), [""; 0]);
    assert_eq!(ours(&seen).len(), KEYS.len() - 1);
}

#[tokio::test]
async fn of_several_roles_the_first_that_allows_is_the_one_that_is_shown() {
    let mut plan = shared().await;
    for account in ["billing", "other"] {
        plan.api.service_account(&plan.namespace, account).await;
    }
    plan.roles()["billing"] = role("billing", &plan.namespace);
    plan.roles()["billing"]["bound_service_account_names"] = json!(["billing", "orders"]);
    let stage = plan.start().await;
    let get = async |account| {
        let token = stage.plan.api.token(&stage.plan.namespace, account, &[], 600).await;
        stage.get("/reports", &token).await
    };
    for (account, role) in [("orders", "orders"), ("billing", "billing")] {
        let seen = Seen::of(&get(account).await);
        assert_eq!(seen.values("x-rolegate-role"), [role]);
        assert_eq!(seen.values("x-rolegate-service-account"), [account]);
        assert!(seen.values("x-rolegate-policies").concat().contains(role));
    }
    assert_eq!(get("other").await.status, 403);
}

#[tokio::test]
async fn the_configured_prefix_names_the_headers() {
    let mut plan = shared().await;
    plan.server["envoy"]["identity_header_prefix"] = json!("x-gate-");
    let stage = plan.start().await;
    let client: Client = stage.http2();
    let token = bearer(&stage.plan.token().await);
    let headers = [("authorization", &*token), ("x-gate-role", "admin"), ("x-gate-more", "1")];
    let seen = Seen::of(&client.get("/orders", &headers).await);
    assert_eq!(seen.values("x-gate-role"), ["orders"]);
    assert_eq!(seen.values("x-gate-more"), [""; 0]);
    assert_eq!(ours(&seen), []);
}
