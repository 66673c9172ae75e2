//! The stand-in cluster through its router, as a client sees it.

mod access;
mod objects;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Cluster;
use crate::ports::Clock;

const ORDERS_TOKEN: &str = "/api/v1/namespaces/shop/serviceaccounts/orders/token";
const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

#[derive(Debug)]
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn unix_now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A cluster with the account `orders` in `shop`, at noon of some day.
struct Stage {
    cluster: Cluster,
    clock: Arc<ManualClock>,
    uid: String,
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(1_800_014_400)));
        let cluster = Cluster::new(clock.clone()).unwrap();
        let uid = cluster.add_service_account("shop", "orders").unwrap();
        Self { cluster, clock, uid }
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn mint(&self, audiences: &[&str]) -> String {
        let audiences: Vec<String> = audiences.iter().map(|&audience| audience.to_owned()).collect();
        self.cluster.mint("shop", "orders", &audiences, 600).unwrap().expose().to_owned()
    }

    /// One request without a body, as the administrator.
    async fn admin(&self, method: &str, path: &str) -> (StatusCode, Value) {
        self.call(method, path, Some(self.cluster.0.admin.expose()), None).await
    }

    /// Creates something as the administrator.
    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call("POST", path, Some(self.cluster.0.admin.expose()), Some(body)).await
    }

    /// The status of a TokenReview that the reviewer makes.
    async fn review(&self, token: &str, audiences: Option<&[&str]>) -> Value {
        let body = json!({ "spec": { "token": token, "audiences": audiences } });
        let reviewer = self.cluster.reviewer_token().expose();
        let (code, mut answer) = self.call("POST", TOKEN_REVIEWS, Some(reviewer), Some(body)).await;
        assert_eq!(code, StatusCode::CREATED, "{answer}");
        answer["status"].take()
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.cluster.router().oneshot(request).await.unwrap();
        let code = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap())
    }
}

/// Checks that an answer is a `Status` of that code and reason, and gives its message.
fn refused((code, body): (StatusCode, Value), expected: u16, reason: &str) -> String {
    assert_eq!(code.as_u16(), expected, "{body}");
    let mut body = body;
    let message = body["message"].take();
    body.as_object_mut().unwrap().remove("details");
    let shape = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "code": expected, "reason": reason, "message": null,
    });
    assert_eq!(body, shape);
    message.as_str().unwrap().to_owned()
}
