//! A stand-in API server with a stated capacity, which can fail in the ways that real ones do.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as B64, Engine as _};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::tokens::Signer;

/// One review at a time, of so long: 200 reviews a second.
pub(crate) const REVIEW: Duration = Duration::from_millis(5);

/// What the API server does with a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers within its capacity.
    Serves,
    /// Answers after a second.
    Slow,
    /// 429 with `Retry-After: 1`.
    TooMany,
    /// Takes requests, and connections, and answers nothing.
    Hangs,
    /// Connections that are open die without a word; new ones are served.
    HalfOpen,
    /// Hangs and serves in turn, every half second.
    Flaps,
    /// Every connection is reset.
    Resets,
}

pub(crate) struct ApiServer {
    pub(crate) url: String,
    pub(crate) signer: Signer,
    publishes_keys: AtomicBool,
    mode: Mutex<Mode>,
    /// Connections with a lower number are dead.
    alive_from: AtomicUsize,
    connections: AtomicUsize,
    free_at: Mutex<Instant>,
    deletions: broadcast::Sender<Bytes>,
    began: Instant,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl ApiServer {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            signer: Signer::new(),
            publishes_keys: AtomicBool::new(true),
            mode: Mutex::new(Mode::Serves),
            alive_from: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            free_at: Mutex::new(Instant::now()),
            deletions: broadcast::Sender::new(1024),
            began: Instant::now(),
        });
        tokio::spawn(Arc::clone(&server).accept(listener));
        server
    }

    pub(crate) fn publish_keys(&self, publishes: bool) {
        self.publishes_keys.store(publishes, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, mode: Mode) {
        if mode == Mode::HalfOpen {
            self.alive_from.store(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        *self.mode.lock().unwrap() = mode;
    }

    fn mode(&self) -> Mode {
        match *self.mode.lock().unwrap() {
            Mode::Flaps if self.began.elapsed().as_millis() % 1000 < 500 => Mode::Hangs,
            Mode::Flaps | Mode::HalfOpen => Mode::Serves,
            mode => mode,
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            while tasks.try_join_next().is_some() {}
            if self.mode() == Mode::Resets {
                stream.set_zero_linger().unwrap();
                continue;
            }
            stream.set_nodelay(true).unwrap();
            let (server, number) = (Arc::clone(&self), self.connections.fetch_add(1, Ordering::SeqCst));
            tasks.spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| Arc::clone(&server).answer(request, number)),
            ));
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: usize,
    ) -> Result<Answer, Infallible> {
        let path = request.uri().path().to_owned();
        if self.alive_from.load(Ordering::SeqCst) > connection || self.mode() == Mode::Hangs {
            std::future::pending::<()>().await;
        }
        if path == "/openid/v1/jwks" {
            let (status, body) = if self.publishes_keys.load(Ordering::SeqCst) {
                (200, self.signer.jwks())
            } else {
                (404, "{}".to_owned())
            };
            return Ok(json_answer(status, body));
        }
        if let Some(kind) = ["pods", "serviceaccounts", "secrets"].iter().find(|kind| path.ends_with(**kind))
        {
            let query = request.uri().query().unwrap_or_default();
            return Ok(if query.contains("watch=") { self.watch(kind) } else { list(kind) });
        }
        if !path.ends_with("/tokenreviews") {
            return Ok(json_answer(404, "{}".to_owned()));
        }
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        match self.mode() {
            Mode::TooMany => {
                let mut answer = json_answer(429, "{}".to_owned());
                answer.headers_mut().insert("retry-after", "1".parse().unwrap());
                return Ok(answer);
            }
            Mode::Slow => tokio::time::sleep(Duration::from_secs(1)).await,
            _ => {
                // One after the other, whenever they come: the capacity that is stated, and no more.
                let done = {
                    let mut free_at = self.free_at.lock().unwrap();
                    *free_at = (*free_at).max(Instant::now()) + REVIEW;
                    *free_at
                };
                tokio::time::sleep_until(done).await;
            }
        }
        Ok(json_answer(201, self.review(&body)))
    }

    /// A watch that never ends, with the deletions that [`ApiServer::churn`] makes.
    fn watch(&self, kind: &str) -> Answer {
        let deletions = (kind == "pods").then(|| self.deletions.subscribe());
        let events = stream::unfold(deletions, |deletions| async move {
            let mut deletions = match deletions {
                Some(deletions) => deletions,
                None => std::future::pending().await,
            };
            let event = deletions.recv().await.ok()?;
            Some((Ok(Frame::data(event)), Some(deletions)))
        });
        let mut answer = Response::new(StreamBody::new(events).boxed_unsync());
        answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
        answer
    }

    /// Deletes so many pods a second.
    pub(crate) async fn churn(&self, rate: u64, stop: CancellationToken, count: &AtomicU64) {
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let metadata = json!({
                "name": format!("pod-{number}"), "namespace": "shop", "uid": format!("uid-of-pod-{number}"),
                "resourceVersion": (number + 2).to_string(),
            });
            let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
            let event = json!({"type": "DELETED", "object": object});
            let _nobody_watches = self.deletions.send(format!("{event}\n").into());
        }
    }

    fn review(&self, body: &[u8]) -> String {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let token = asked["spec"]["token"].as_str().unwrap_or_default();
        let status = if self.signer.made(token) {
            let payload = token.split('.').nth(1).map(|part| B64.decode(part).unwrap()).unwrap();
            let claims: Value = serde_json::from_slice(&payload).unwrap();
            let bound = &claims["kubernetes.io"]["serviceaccount"];
            json!({
                "authenticated": true, "audiences": asked["spec"]["audiences"],
                "user": {
                    "username": format!("system:serviceaccount:shop:{}", bound["name"].as_str().unwrap()),
                    "uid": bound["uid"],
                },
            })
        } else {
            json!({"authenticated": false, "error": "[invalid bearer token]"})
        };
        json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status}).to_string()
    }
}

fn list(kind: &str) -> Answer {
    let kind = match kind {
        "pods" => "PodList",
        "secrets" => "SecretList",
        _ => "ServiceAccountList",
    };
    let list = json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    json_answer(200, list.to_string())
}

fn json_answer(status: u16, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
    answer
}
