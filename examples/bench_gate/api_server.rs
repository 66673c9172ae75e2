//! A small API server that confirms every token's own claims.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

#[derive(Default)]
struct Counts {
    reviews: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    delay_ms: AtomicU64,
}

pub(crate) struct ApiServer {
    pub(crate) url: String,
    counts: Arc<Counts>,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let counts = Arc::clone(&shared);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| review(request, Arc::clone(&counts))),
                ));
            }
        });
        Self { url, counts }
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.counts.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn forget(&self) {
        self.counts.reviews.store(0, Ordering::Relaxed);
        self.counts.most.store(0, Ordering::Relaxed);
    }

    pub(crate) fn reviews(&self) -> usize {
        self.counts.reviews.load(Ordering::Relaxed)
    }

    pub(crate) fn most_at_a_time(&self) -> usize {
        self.counts.most.load(Ordering::Relaxed)
    }
}

async fn review(
    request: Request<Incoming>,
    counts: Arc<Counts>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    counts.reviews.fetch_add(1, Ordering::Relaxed);
    let now = counts.now.fetch_add(1, Ordering::Relaxed) + 1;
    counts.most.fetch_max(now, Ordering::Relaxed);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let delay = counts.delay_ms.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let payload = asked["spec"]["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let account = &claims["kubernetes.io"];
    let (namespace, name) =
        (account["namespace"].as_str().unwrap(), account["serviceaccount"]["name"].as_str().unwrap());
    let answer = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": {},
        "status": {
            "authenticated": true,
            "user": {"username": format!("system:serviceaccount:{namespace}:{name}"),
                     "uid": account["serviceaccount"]["uid"]},
            "audiences": asked["spec"]["audiences"],
        },
    });
    counts.now.fetch_sub(1, Ordering::Relaxed);
    let mut response = Response::new(Full::from(answer.to_string()));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    *response.status_mut() = http::StatusCode::CREATED;
    Ok(response)
}
