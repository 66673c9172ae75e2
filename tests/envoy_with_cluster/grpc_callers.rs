//! Callers that speak gRPC: Envoy makes a gRPC status of each answer.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use super::{
    stage::{Plan, Stage},
    support::{kube::KubeApiserver, upstream::Seen},
};

async fn call(stage: &Stage<'_>, token: Option<&str>) -> super::support::http::Answer {
    let mut request = Request::post("/orders").header("content-type", "application/grpc");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    stage.http2().send(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn refusals_and_outages_are_grpc_statuses() {
    let api = KubeApiserver::shared().await;
    let stage = Plan::new(api).await.start().await;
    api.service_account(&stage.plan.namespace, "billing").await;
    let billing = api.token(&stage.plan.namespace, "billing", &[], 600).await;
    let unauthenticated = call(&stage, None).await;
    assert_eq!((unauthenticated.status.as_u16(), unauthenticated.header("grpc-status")), (200, Some("16")));
    assert_eq!(unauthenticated.header("grpc-message"), Some("missing jwt"), "the plain sentence");
    assert_eq!(unauthenticated.header("content-type"), Some("application/grpc"));
    let denied = call(&stage, Some(&billing)).await;
    assert_eq!((denied.status.as_u16(), denied.header("grpc-status")), (200, Some("7")));
    assert_eq!(denied.header("grpc-message"), Some("service account name not authorized"));
    let line = stage.rolegate.wait_for_log("service_account_name").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let account = format!("{}/billing", stage.plan.namespace);
    for (field, expected) in
        [("role", "orders"), ("saw", "billing"), ("expected", "orders"), ("unverified_account", &*account)]
    {
        assert_eq!(line[field], expected, "{line}");
    }
    Seen::of(&call(&stage, Some(&stage.plan.token().await)).await);

    let mut plan = Plan::new(api).await;
    plan.config()["token_reviewer_jwt"] = json!(api.token_of_user("nobody"));
    let stage = plan.start().await;
    let undecided = call(&stage, Some(&stage.plan.token().await)).await;
    assert_eq!((undecided.status.as_u16(), undecided.header("grpc-status")), (200, Some("14")));
    let message = "the Kubernetes API server refuses the token reviewer, try again";
    assert_eq!(undecided.header("grpc-message"), Some(message));
}
