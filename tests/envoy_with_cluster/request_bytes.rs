//! What rolegate does not take out of a request arrives as it was sent, byte for byte.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header::HeaderValue};
use serde_json::json;

use super::{
    stage::{Plan, Stage},
    support::{http::Client, kube::KubeApiserver, upstream::Seen},
};

async fn stage(change: impl FnOnce(&mut Plan<'_>)) -> Stage<'static> {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    let sources = json!([
        { "header": "authorization", "scheme": "Bearer" },
        { "cookie": "session" },
        { "query": "token" },
    ]);
    plan.server["envoy"]["token_sources"] = sources;
    change(&mut plan);
    plan.start().await
}

/// Queries with `TOKEN` in the place of a token, and what is left.
const QUERIES: [(&str, &str); 10] = [
    ("?uploads&token=TOKEN", "?uploads"),
    ("?token=TOKEN&uploads", "?uploads"),
    ("?&&a=1&token=TOKEN", "?&&a=1"),
    ("?a=+%20%zz&token=TOKEN&a=2&b=!'()*", "?a=+%20%zz&a=2&b=!'()*"),
    ("?a=1;token=TOKEN&b=2", "?a=1&b=2"),
    ("?%74oken=TOKEN&z=1&a=2", "?z=1&a=2"),
    ("?token=TOKEN", ""),
    ("?token=&a=1", "?a=1"),
    ("?uploads", "?uploads"),
    ("?", "?"),
];

#[tokio::test]
async fn a_query_loses_the_token_alone_and_keeps_the_rest_in_its_order() {
    let stage = stage(|_| {}).await;
    let token = stage.plan.token().await;
    let bearer = format!("Bearer {token}");
    for client in [stage.http1(), stage.http2()] {
        for (query, left) in QUERIES {
            let path = format!("/orders{}", query.replace("TOKEN", &token));
            // Where the query has no token, it comes in the header, which goes before.
            let seen = Seen::of(&client.get(&path, &[("authorization", &bearer)]).await);
            assert_eq!(seen.path, format!("/orders{left}"), "{query}");
            assert_eq!(seen.values("x-rolegate-role"), ["orders"], "{query}");
            if query.contains("TOKEN") {
                assert_eq!(Seen::of(&client.get(&path, &[]).await).path, format!("/orders{left}"), "{query}");
            }
        }
        let long = format!("/orders?a={}", "x".repeat(17_000));
        let seen = Seen::of(&client.get(&format!("{long}&token={token}"), &[]).await);
        assert_eq!(seen.path, long, "longer than a header of Envoy's API may be");
    }
}

#[tokio::test]
async fn a_query_without_its_token_keeps_its_route_where_routes_are_chosen_anew() {
    let stage = stage(|plan| {
        plan.edit("validate_mutations: true", "validate_mutations: true\n              clear_route_cache: true");
        plan.edit(
            "              - match: { path_separated_prefix: /orders }\n                route: { cluster: upstream, timeout: 15s }",
            "              - match: { path_separated_prefix: /orders, query_parameters: [{ name: kept, present_match: true }] }\n                \
             route: { cluster: upstream, timeout: 15s, prefix_rewrite: /of-the-same-route }",
        );
    })
    .await;
    let token = stage.plan.token().await;
    for client in [stage.http1(), stage.http2()] {
        let seen = Seen::of(&client.get(&format!("/orders?token={token}&kept"), &[]).await);
        assert_eq!(seen.path, "/of-the-same-route?kept");
    }
}

/// GET with `cookie` lines of any bytes.
async fn get(client: Client, cookies: &[&[u8]]) -> super::support::http::Answer {
    let mut request = Request::get("/orders").body(Full::<Bytes>::default()).unwrap();
    for cookie in cookies {
        request.headers_mut().append("cookie", HeaderValue::from_bytes(cookie).unwrap());
    }
    client.send(request).await.unwrap()
}

#[tokio::test]
async fn cookies_beside_the_token_keep_their_bytes_or_the_request_is_refused() {
    let stage = stage(|_| {}).await;
    let token = stage.plan.token().await;
    let with = |text: &str| text.replace("TOKEN", &token);
    for (sent, left) in [
        (vec![with("a=1;b=\"2 3\" ;session=TOKEN; c")], "a=1;b=\"2 3\" ; c"),
        (vec![with("session=TOKEN; a=!")], "a=!"),
        (vec!["a=1".to_owned(), with("session=TOKEN; b=2"), "c=3".to_owned()], "a=1; b=2; c=3"),
    ] {
        let lines: Vec<&[u8]> = sent.iter().map(|line| line.as_bytes()).collect();
        for client in [stage.http1(), stage.http2()] {
            let seen = Seen::of(&get(client, &lines).await);
            assert_eq!(seen.values("cookie").join("; "), left, "{sent:?}");
        }
    }
    let latin1 = [b"country=Espa\xf1a; session=", token.as_bytes()].concat();
    for client in [stage.http1(), stage.http2()] {
        assert_eq!(get(client, &[&latin1]).await.status, 401);
    }
    let line = stage.rolegate.wait_for_log("malformed_token").await;
    assert!(line.contains("not UTF-8") && !line.contains(&token), "{line}");
}

#[tokio::test]
async fn credentials_of_another_scheme_arrive() {
    let stage = stage(|plan| {
        let sources =
            json!([{ "header": "authorization", "scheme": "Bearer" }, { "header": "x-vault-token" }]);
        plan.server["envoy"]["token_sources"] = sources;
    })
    .await;
    let token = stage.plan.token().await;
    for client in [stage.http1(), stage.http2()] {
        for (authorization, arrives) in [
            ("Basic dXNlcjpwYXNz", true),
            (r#"Digest username="a", realm="b, c""#, true),
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", false),
        ] {
            let headers = [("authorization", authorization), ("x-vault-token", &*token)];
            let seen = Seen::of(&client.get("/orders", &headers).await);
            let expected = if arrives { vec![authorization] } else { vec![] };
            assert_eq!(seen.values("authorization"), expected);
            assert_eq!(seen.values("x-vault-token"), [""; 0]);
        }
    }
}
