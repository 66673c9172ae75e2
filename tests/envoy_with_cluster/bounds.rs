//! Time-outs and queues: what a stranger can provoke opens nothing, however Envoy is set.

use serde_json::json;

use super::{
    stage::{Plan, Refusal, Stage},
    support::{eventually, kube::KubeApiserver, upstream::Seen},
};

const DEADLINE: Refusal = Refusal {
    reason: "deadline",
    status: 503,
    error: None,
    sentence: "the token could not be reviewed in time, try again",
};

const OVERLOADED: Refusal = Refusal {
    reason: "overloaded",
    status: 503,
    error: None,
    sentence: "too many token reviews are waiting, try again",
};

/// One review at a time and one that waits, and an Envoy that opens for errors of the gate.
async fn stage<'a>(api: &'a KubeApiserver, timeout: &str) -> Stage<'a> {
    let mut plan = Plan::new(api).await;
    plan.server["review"] = json!({ "timeout": "1h", "max_in_flight": 1, "max_waiting": 1 });
    plan.edit("failure_mode_allow: false", "failure_mode_allow: true");
    plan.edit("timeout: 6s", &format!("timeout: {timeout}"));
    plan.start().await
}

async fn told(stage: &Stage<'_>, stat: &str) -> u64 {
    stage.envoy.stat(&format!("cluster.upstream.ext_authz.rolegate.{stat}")).await
}

#[tokio::test]
async fn a_review_that_outlasts_envoys_patience_is_answered_in_time_and_closed() {
    let api = KubeApiserver::start().await;
    let stage = stage(&api, "1s").await;
    let token = stage.plan.token().await;
    api.hang().await;
    let answer = stage.get("/orders/slow", &token).await;
    stage.assert_refused("/orders/slow", &answer, &DEADLINE).await;
    assert_eq!((told(&stage, "denied").await, told(&stage, "error").await), (1, 0));
    assert_eq!(stage.upstream.requests(), 0);

    api.go_on();
    eventually("the review goes on for whoever asks next", async || {
        (stage.get("/orders", &token).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn beyond_the_queue_callers_are_told_at_once_and_those_in_it_are_served() {
    let api = KubeApiserver::start().await;
    let stage = stage(&api, "600s").await;
    let mut tokens = Vec::new();
    for seconds in [3600, 4600, 5600] {
        tokens.push(api.token(&stage.plan.namespace, "orders", &[], seconds).await);
    }
    api.hang().await;
    let (first, second, ()) =
        tokio::join!(stage.get("/orders", &tokens[0]), stage.get("/orders", &tokens[1]), async {
            eventually("both wait", async || {
                let missed =
                    stage.rolegate.metric("rolegate_review_cache_total", &[r#"result="miss""#]).await;
                (missed >= 2.0).then_some(())
            })
            .await;
            let answer = stage.get("/orders/third", &tokens[2]).await;
            stage.assert_refused("/orders/third", &answer, &OVERLOADED).await;
            assert_eq!((told(&stage, "denied").await, told(&stage, "error").await), (1, 0));
            assert_eq!(stage.upstream.requests(), 0);
            api.go_on();
        });
    Seen::of(&first);
    Seen::of(&second);
}

#[tokio::test]
async fn an_outage_is_an_error_that_envoys_operators_may_open_for_but_without_an_identity() {
    let api = KubeApiserver::start().await;
    let stage = stage(&api, "6s").await;
    let token = stage.plan.token().await;
    api.stop();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("x-rolegate-role", "admin")];
    let seen = Seen::of(&stage.http1().get("/orders", &headers).await);
    let ours = seen.headers.iter().find(|(name, _)| name.starts_with("x-rolegate"));
    assert_eq!(ours, None);
    assert_eq!((told(&stage, "denied").await, told(&stage, "error").await), (0, 1));
}

#[tokio::test]
async fn requests_with_80_kilobytes_of_headers_are_decided() {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    plan.edit("stat_prefix: front", "stat_prefix: front\n          max_request_headers_kb: 96");
    let stage = plan.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let long = "v".repeat(1024);
    let names: Vec<String> = (0..80).map(|number| format!("x-long-{number}")).collect();
    let mut headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &*long)).collect();
    headers.push(("authorization", &bearer));
    let seen = Seen::of(&stage.http1().get("/orders", &headers).await);
    assert_eq!(seen.values("x-long-79"), [&long]);
    assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
}
