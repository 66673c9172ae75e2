//! An API server that is gone, hangs or refuses the reviewer: nobody can tell, and that is never a refusal.

use serde_json::json;

use super::{
    stage::{Plan, Refusal, Stage},
    support::{eventually, kube::KubeApiserver, upstream::Seen},
};

const UNREACHABLE: Refusal = Refusal {
    reason: "api_server_unreachable",
    status: 503,
    error: None,
    sentence: "the Kubernetes API server does not answer, try again",
};

const REVIEWER_REFUSED: Refusal = Refusal {
    reason: "reviewer_refused",
    status: 503,
    error: None,
    sentence: "the Kubernetes API server refuses the token reviewer, try again",
};

/// A stage whose one caller is remembered, and a token of another caller that is not.
async fn before_it_is_away<'a>(api: &'a KubeApiserver, ttl: &str) -> (Stage<'a>, String, String) {
    let mut plan = Plan::new(api).await;
    plan.server["review"] = json!({ "timeout": "1s" });
    plan.remember_reviews(ttl);
    let stage = plan.start().await;
    let known = stage.plan.token().await;
    // A second may be short for the first review.
    eventually("the caller is known", async || {
        (stage.get("/orders", &known).await.status == 200).then_some(())
    })
    .await;
    let new = api.token(&stage.plan.namespace, "orders", &[], 7200).await;
    (stage, known, new)
}

/// What holds while it is away: 503 for new callers, every time, and nothing changes for those who are known.
async fn assert_away(stage: &Stage<'_>, known: &str, new: &str) {
    for number in 0..3 {
        let path = format!("/orders/{number}");
        let answer = stage.get(&path, new).await;
        stage.assert_refused(&path, &answer, &UNREACHABLE).await;
        Seen::of(&stage.get("/orders", known).await);
    }
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("kubernetes"), "{}", ready.text());
}

async fn assert_back(stage: &Stage<'_>, new: &str) {
    eventually("new callers are decided again", async || {
        let answer = stage.get("/orders", new).await;
        assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    eventually("the trouble is over", async || {
        let ready = stage.rolegate.ops_get("/readyz").await.text();
        (!ready.contains("kubernetes")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_the_api_server_is_stopped_new_callers_hear_503_and_known_ones_go_on() {
    let api = KubeApiserver::start().await;
    let (stage, known, new) = before_it_is_away(&api, "1h").await;
    api.stop();
    assert_away(&stage, &known, &new).await;
    api.restart().await;
    assert_back(&stage, &new).await;
}

#[tokio::test]
async fn while_the_api_server_hangs_new_callers_hear_503_and_known_ones_go_on() {
    let api = KubeApiserver::start().await;
    let (stage, known, new) = before_it_is_away(&api, "1h").await;
    api.hang().await;
    assert_away(&stage, &known, &new).await;
    api.go_on();
    assert_back(&stage, &new).await;
}

#[tokio::test]
async fn a_known_caller_whose_review_ends_while_the_api_server_is_away_is_undecided_and_not_refused() {
    let api = KubeApiserver::start().await;
    let (stage, known, _) = before_it_is_away(&api, "1s").await;
    api.stop();
    eventually("the review is forgotten", async || {
        let answer = stage.get("/orders", &known).await;
        assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        (answer.status == 503).then_some(())
    })
    .await;
    api.restart().await;
    assert_back(&stage, &known).await;
}

#[tokio::test]
async fn a_refused_reviewer_is_no_refusal_of_callers_and_is_told_to_operators() {
    let api = KubeApiserver::shared().await;
    let mut plan = Plan::new(api).await;
    api.service_account(&plan.namespace, "powerless").await;
    let reviewer = api.token(&plan.namespace, "powerless", &[], 3600).await;
    plan.config()["token_reviewer_jwt"] = json!(reviewer);
    let stage = plan.start().await;
    let token = stage.plan.token().await;

    let answer = stage.get("/orders/powerless", &token).await;
    stage.assert_refused("/orders/powerless", &answer, &REVIEWER_REFUSED).await;
    let ready = stage.rolegate.ops_get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("kubernetes") && ready.text().contains("reviewer"), "{}", ready.text());
    for line in stage.rolegate.process.stderr.all().into_iter().chain([ready.text()]) {
        assert!(!line.contains(&reviewer) && !line.contains(&token), "a token is told: {line}");
    }

    api.allow_reviews(&stage.plan.namespace, "powerless").await;
    assert_back(&stage, &token).await;
}

#[tokio::test]
async fn a_reviewer_that_the_api_server_does_not_know_is_refused_alike() {
    let api = KubeApiserver::shared().await;
    let mut plan = Plan::new(api).await;
    plan.config()["token_reviewer_jwt"] = json!(api.token_of_user("nobody"));
    let stage = plan.start().await;
    let answer = stage.get("/orders/nobody", &stage.plan.token().await).await;
    stage.assert_refused("/orders/nobody", &answer, &REVIEWER_REFUSED).await;
}

#[tokio::test]
async fn an_api_server_with_a_certificate_of_another_authority_is_not_asked() {
    let api = KubeApiserver::shared().await;
    let mut plan = Plan::new(api).await;
    plan.config()["kubernetes_ca_cert"] = json!(plan.certificates.authority.pem);
    let stage = plan.start().await;
    let answer = stage.get("/orders/ca", &stage.plan.token().await).await;
    stage.assert_refused("/orders/ca", &answer, &UNREACHABLE).await;
}

#[tokio::test]
async fn a_denied_response_is_sent_where_it_is_configured() {
    let api = KubeApiserver::shared().await;
    let mut plan = Plan::new(api).await;
    plan.config()["token_reviewer_jwt"] = json!(api.token_of_user("nobody"));
    plan.server["envoy"]["undecided"] = json!("denied_response");
    let stage = plan.start().await;
    let answer = stage.get("/orders/denied", &stage.plan.token().await).await;
    stage.assert_refused("/orders/denied", &answer, &REVIEWER_REFUSED).await;
    assert_eq!(stage.envoy.stat("cluster.upstream.ext_authz.rolegate.denied").await, 1);
    assert_eq!(stage.envoy.stat("cluster.upstream.ext_authz.rolegate.error").await, 0);
}
