//! The operations door: `/livez`, `/readyz`, `/metrics`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::health::Health;
use crate::lifecycle::Readiness;
use crate::metrics::{CONTENT_TYPE, Metrics};

/// What the door tells of.
#[derive(Debug, Clone)]
pub struct Ops {
    /// Whether checks should be sent here.
    pub readiness: Readiness,
    /// What is wrong although it serves.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
}

/// The door's paths.
pub fn router(ops: Ops) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

/// 503 before the first load and when asked to stop; troubles are detail in a 200.
async fn readyz(State(ops): State<Ops>) -> impl IntoResponse {
    let state = ops.readiness.state();
    let status = if state.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": state.is_ready(),
        "draining": state.draining,
        "pending": state.pending,
        "troubles": ops.health.troubles(),
        "details": ops.health.details(),
    });
    (status, Json(body))
}

async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], ops.metrics.render())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::{Ops, router};
    use crate::health::Health;
    use crate::lifecycle::Readiness;
    use crate::metrics::Metrics;

    async fn get(ops: &Ops, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router(ops.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_what_is_pending_and_troubles_are_detail() {
        let ops =
            Ops { readiness: Readiness::default(), health: Health::default(), metrics: Metrics::default() };
        let pending = ops.readiness.pending("store");
        let (status, body) = get(&ops, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""pending":["store"]"#), "{body}");
        drop(pending);
        ops.health.trouble("mount kubernetes", "the reviewer is refused");
        let (status, body) = get(&ops, "/readyz").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(r#""mount kubernetes":"the reviewer is refused""#), "{body}");
        ops.health.detail("mount kubernetes local keys", "off");
        let body: serde_json::Value = serde_json::from_str(&get(&ops, "/readyz").await.1).unwrap();
        assert_eq!(body["details"], json!({"mount kubernetes local keys": "off"}));
        assert_eq!(body["troubles"].as_object().unwrap().len(), 1);
        ops.readiness.drain();
        assert_eq!(get(&ops, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(get(&ops, "/livez").await.0, StatusCode::OK);
    }
}
