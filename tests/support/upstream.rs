//! The program behind Envoy: answers with what it was sent.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::task::AbortOnDropHandle;

use super::http::Answer;

/// An HTTP/1.1 and HTTP/2 server on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

/// A request as the upstream saw it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, duplicates as they came.
    pub headers: Vec<(String, String)>,
    /// Likewise.
    pub trailers: Vec<(String, String)>,
}

impl Upstream {
    /// Serves until dropped.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let server = tokio::spawn(serve(listener, requests.clone()));
        Self { address, requests, _server: AbortOnDropHandle::new(server) }
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Seen {
    /// What the upstream saw of the request that has this answer; another server's answer fails the test.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.header("x-upstream"), Some("echo"), "not from the upstream: {answer:?}");
        answer.json()
    }

    /// All values of the header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
}

async fn serve(listener: TcpListener, requests: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let requests = requests.clone();
        connections.spawn(async move {
            let service = service_fn(|request| {
                requests.fetch_add(1, Ordering::SeqCst);
                echo(request)
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let trailers = body.collect().await.ok().and_then(|body| body.trailers().map(pairs)).unwrap_or_default();
    let seen = Seen {
        version: format!("{:?}", head.version),
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: pairs(&head.headers),
        trailers,
    };
    let body = Full::from(serde_json::to_vec(&seen).unwrap());
    Ok(Response::builder()
        .header("content-type", "application/json")
        .header("x-upstream", "echo")
        .body(body)
        .unwrap())
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect()
}
