//! Tokens in cookies, query parameters and other headers: found, and not sent on.

use serde_json::json;

use super::{
    stage::{Plan, Stage},
    support::{kube::KubeApiserver, upstream::Seen},
};

async fn stage(change: impl FnOnce(&mut Plan<'_>)) -> Stage<'static> {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    change(&mut plan);
    plan.start().await
}

#[tokio::test]
async fn a_token_in_a_cookie_is_cut_out_of_the_cookies() {
    let stage = stage(|plan| plan.server["envoy"]["token_sources"] = json!([{ "cookie": "session" }])).await;
    let token = stage.plan.token().await;
    for (client, sent, left) in [
        (stage.http1(), format!("a=1; session={token}; b=2"), vec!["a=1; b=2"]),
        (stage.http2(), format!("a=1; session={token}; b=2"), vec!["a=1; b=2"]),
        (stage.http1(), format!("session={token}"), vec![]),
    ] {
        let seen = Seen::of(&client.get("/orders", &[("cookie", &sent)]).await);
        assert_eq!(seen.values("cookie"), left);
        assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
    }
    let twice = format!("session={token}; session={token}");
    let answer = stage.http2().get("/orders/twice", &[("cookie", &twice)]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(stage.logged("/orders/twice").await["reason"], "ambiguous_token");
    assert_eq!(stage.get("/orders", &token).await.status, 401, "a header is no configured source");
}

#[tokio::test]
async fn a_token_in_the_query_is_taken_out_of_it() {
    let stage = stage(|plan| plan.server["envoy"]["token_sources"] = json!([{ "query": "token" }])).await;
    let token = stage.plan.token().await;
    for (query, left) in
        [(format!("?a=1&token={token}&b=2"), "/orders?a=1&b=2"), (format!("?token={token}"), "/orders")]
    {
        let seen = Seen::of(&stage.http2().get(&format!("/orders{query}"), &[]).await);
        assert_eq!(seen.path, left);
    }
    let twice = stage.http2().get(&format!("/orders/twice?token={token}&token={token}"), &[]).await;
    assert_eq!(twice.status, 401);
    assert_eq!(stage.logged("/orders/twice").await["reason"], "ambiguous_token");
}

#[tokio::test]
async fn sources_count_in_their_order_and_all_of_them_are_removed() {
    let sources = json!([{ "header": "x-own" }, { "cookie": "session" }, { "query": "token" }]);
    let stage = stage(|plan| plan.server["envoy"]["token_sources"] = sources).await;
    let token = stage.plan.token().await;
    let headers = [("x-own", &*token), ("cookie", "session=other; a=1")];
    let seen = Seen::of(&stage.http1().get("/orders?token=third", &headers).await);
    assert_eq!(seen.values("x-own"), [""; 0]);
    assert_eq!(seen.values("cookie"), ["a=1"]);
    assert_eq!(seen.path, "/orders");

    let cookie = format!("session={token}");
    let broken_first = [("x-own", "broken"), ("cookie", &*cookie)];
    assert_eq!(stage.http1().get("/orders", &broken_first).await.status, 401);
}

#[tokio::test]
async fn a_token_that_is_to_be_kept_arrives() {
    let stage = stage(|plan| plan.server["envoy"]["keep_token"] = json!(true)).await;
    let token = stage.plan.token().await;
    let seen = Seen::of(&stage.get("/orders", &token).await);
    assert_eq!(seen.values("authorization"), [format!("Bearer {token}")]);
    assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
}
