//! Roles and addresses that Envoy does not tell: rolegate's own table of routes, and `x-forwarded-for`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use super::{
    stage::{Plan, Stage, role},
    support::{kube::KubeApiserver, upstream::Seen},
};

async fn plan() -> Plan<'static> {
    Plan::new(KubeApiserver::shared().await).await
}

/// The status, and the role that the upstream saw or the reason in Envoy's log.
async fn told(stage: &Stage<'_>, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = stage.http1().get(path, headers).await;
    let told = if answer.status == 200 {
        Seen::of(&answer).values("x-rolegate-role").concat()
    } else {
        let path = path.split('?').next().expect("a path");
        stage.logged(path).await["reason"].as_str().unwrap_or("none").to_owned()
    };
    (answer.status.as_u16(), told)
}

#[tokio::test]
async fn without_context_extensions_the_table_finds_the_role_by_host_path_and_method() {
    let mut plan = plan().await;
    plan.api.service_account(&plan.namespace, "billing").await;
    plan.roles()["billing"] = role("billing", &plan.namespace);
    plan.server["envoy"]["routes"] = json!([
        { "host": "shop.example.com", "path_prefix": "/mesh/bills", "role": "billing" },
        { "host": "Shop.Example.com", "path_prefix": "/mesh", "methods": ["GET"], "role": "orders" },
        { "path_prefix": "/orders", "role": "billing" },
    ]);
    plan.edit("domains: [shop.example.com]", r#"domains: ["*"]"#);
    let stage = plan.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let ours = [("authorization", &*bearer)];
    let other_host = [("authorization", &*bearer), ("host", "other.example.com")];

    let allowed = (200, "orders".to_owned());
    for path in ["/mesh", "/mesh/", "/mesh/a?role=billing", "/mesh/billsy", "/mesh/a;b", "/mesh/a%20b"] {
        assert_eq!(told(&stage, path, &ours).await, allowed, "{path}");
    }
    assert_eq!(told(&stage, "/orders", &ours).await, allowed, "what the route itself says goes first");
    for (path, headers, reason) in [
        ("/mesh/bills", &ours[..], "service_account_name"),
        ("/mesh/bills/1", &ours, "service_account_name"),
        ("/mesh-not", &ours, "no_role"),
        ("/mesh/elsewhere", &other_host, "no_role"),
        ("/elsewhere;/mesh", &ours, "no_role"),
        ("/mesh;v=1/a", &ours, "ambiguous_path"),
        ("/mesh/bills;v=1", &ours, "ambiguous_path"),
    ] {
        assert_eq!(told(&stage, path, headers).await, (403, reason.to_owned()), "{path}");
    }
    let post = Request::post("/mesh/post").header("authorization", &bearer).body(Full::<Bytes>::default());
    let answer = stage.http2().send(post.unwrap()).await.unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(stage.logged("/mesh/post").await["reason"], "no_role");
}

#[tokio::test]
async fn a_client_cannot_name_the_role_itself() {
    let mut plan = plan().await;
    plan.server["envoy"]["routes"] = json!([{ "path_prefix": "/mesh", "role": "nobody" }]);
    let stage = plan.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let headers =
        [("authorization", &*bearer), ("role", "orders"), ("x-role", "orders"), ("mount", "kubernetes")];
    assert_eq!(told(&stage, "/mesh?role=orders", &headers).await, (403, "unknown_role".to_owned()));
    assert_eq!(told(&stage, "/else?role=orders", &headers).await, (403, "no_role".to_owned()));
}

#[tokio::test]
async fn the_default_role_takes_what_nothing_else_names() {
    let mut plan = plan().await;
    plan.server["envoy"]["default"] = json!({ "role": "orders" });
    let stage = plan.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    assert_eq!(told(&stage, "/any", &[("authorization", &bearer)]).await, (200, "orders".to_owned()));
}

/// What becomes of a request with these headers, where the role is bound to these addresses.
async fn bound_to(cidrs: Value, client_address: Value, hops: Option<u32>) -> Stage<'static> {
    let mut plan = plan().await;
    plan.roles()["orders"]["token_bound_cidrs"] = cidrs;
    plan.server["envoy"]["client_address"] = client_address;
    if let Some(hops) = hops {
        let trusted = format!("use_remote_address: true\n          xff_num_trusted_hops: {hops}");
        plan.edit("use_remote_address: true", &trusted);
    }
    plan.start().await
}

#[tokio::test]
async fn the_address_behind_trusted_proxies_is_the_nth_from_the_right() {
    let stage =
        bound_to(json!(["10.1.0.0/16", "2001:db8::/32"]), json!({ "x-forwarded-for": 2 }), Some(1)).await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    for forwarded in ["10.1.2.3", "192.0.2.1, 10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3", "10.1.2.3:4711"] {
        let headers = [("authorization", &*bearer), ("x-forwarded-for", forwarded)];
        assert_eq!(told(&stage, "/orders", &headers).await, (200, "orders".to_owned()), "{forwarded}");
    }
    for (path, forwarded) in [
        ("/orders/other", "10.2.0.1"),
        ("/orders/spoofed", "10.1.2.3, 192.0.2.1"),
        ("/orders/text", "10.1.2.3, unknown"),
        ("/orders/empty", "10.1.2.3,"),
    ] {
        let headers = [("authorization", &*bearer), ("x-forwarded-for", forwarded)];
        assert_eq!(told(&stage, path, &headers).await, (403, "peer_address".to_owned()), "{forwarded}");
    }
    let two_lines =
        [("authorization", &*bearer), ("x-forwarded-for", "10.1.2.3"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(told(&stage, "/orders/lines", &two_lines).await, (403, "peer_address".to_owned()));
    let fewer = [("authorization", &*bearer)];
    assert_eq!(told(&stage, "/orders/fewer", &fewer).await, (403, "peer_address".to_owned()));
}

#[tokio::test]
async fn the_peer_is_the_connections_own_address_whatever_headers_say() {
    let stage = bound_to(json!(["127.0.0.0/8"]), json!("peer"), None).await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let headers = [("authorization", &*bearer), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(told(&stage, "/orders", &headers).await, (200, "orders".to_owned()));

    let stage = bound_to(json!(["192.0.2.0/24"]), json!("peer"), None).await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let headers = [("authorization", &*bearer), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(told(&stage, "/orders", &headers).await, (403, "peer_address".to_owned()));
}

#[tokio::test]
async fn envoys_own_word_on_the_external_address_counts_and_no_clients() {
    let stage = bound_to(json!(["203.0.113.0/24"]), json!("x-envoy-external-address"), Some(1)).await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let from = [("authorization", &*bearer), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(told(&stage, "/orders", &from).await, (200, "orders".to_owned()));
    let spoofed = [
        ("authorization", &*bearer),
        ("x-forwarded-for", "198.51.100.1"),
        ("x-envoy-external-address", "203.0.113.9"),
    ];
    assert_eq!(told(&stage, "/orders/spoofed", &spoofed).await, (403, "peer_address".to_owned()));
}
