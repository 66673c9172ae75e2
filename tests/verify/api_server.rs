//! An API server that answers as it is told and notes what it was asked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::support::within;

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    /// The credential in `Authorization`, with its scheme.
    pub(crate) fn authorization(&self) -> &str {
        self.headers.get("authorization").map_or("", |value| value.to_str().unwrap())
    }

    /// The token that the review is about.
    pub(crate) fn token(&self) -> &str {
        self.body["spec"]["token"].as_str().unwrap()
    }
}

/// An answer; none drops the connection.
pub(crate) type Script = Box<dyn Fn(&Asked) -> Option<Response<Bytes>> + Send + Sync>;

/// What the server has seen, in numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    now: usize,
    most: usize,
}

/// A server that runs until it is dropped.
pub(crate) struct ApiServer {
    pub(crate) address: SocketAddr,
    secure: bool,
    state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
}

/// Whose questions are answered now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gate {
    Open,
    Held,
    /// Those with this `Authorization`.
    Only(String),
}

struct State {
    script: Script,
    gate: watch::Sender<Gate>,
    asked: watch::Sender<Vec<Asked>>,
    load: watch::Sender<Load>,
    connections: AtomicUsize,
}

impl ApiServer {
    /// Answers each request by the script.
    pub(crate) async fn start(
        script: impl Fn(&Asked) -> Option<Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(None, Box::new(script)).await
    }

    /// The same over TLS.
    pub(crate) async fn start_with(tls: Option<ServerConfig>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script,
            gate: watch::Sender::new(Gate::Open),
            asked: watch::Sender::default(),
            load: watch::Sender::default(),
            connections: AtomicUsize::default(),
        });
        let secure = tls.is_some();
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self { address, secure, state, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Confirms every token as that of the service account of its own name in the namespace `shop`.
    pub(crate) async fn confirming() -> Self {
        Self::start(|asked| Some(confirmed(asked))).await
    }

    /// `kubernetes_host`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.borrow().clone()
    }

    /// Waits until the server has been asked so many times.
    pub(crate) async fn asked_times(&self, times: usize) {
        let mut asked = self.state.asked.subscribe();
        within(format_args!("{times} requests"), asked.wait_for(|asked| asked.len() >= times)).await.unwrap();
    }

    /// Waits until no request is without its answer.
    pub(crate) async fn idle(&self) {
        let mut load = self.state.load.subscribe();
        within("an idle server", load.wait_for(|load| load.now == 0)).await.unwrap();
    }

    /// The most requests at a time so far.
    pub(crate) fn most_at_a_time(&self) -> usize {
        self.state.load.borrow().most
    }

    /// How many connections there have been so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Holds back all answers from now on.
    pub(crate) fn hold(&self) {
        self.state.gate.send_replace(Gate::Held);
    }

    /// Holds back all answers but those to this `Authorization`.
    pub(crate) fn release_only(&self, authorization: &str) {
        self.state.gate.send_replace(Gate::Only(authorization.to_owned()));
    }

    /// Holds no answer back any more.
    pub(crate) fn release_all(&self) {
        self.state.gate.send_replace(Gate::Open);
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        connections.spawn(async move {
            match tls {
                None => serve(tcp, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(|request| answer(request, &state));
    // A client that goes away is no concern of the server's.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Counts a request for as long as it has no answer, also when its client goes away.
struct Counted<'a>(&'a State);

impl<'a> Counted<'a> {
    fn new(state: &'a State) -> Self {
        state.load.send_modify(|load| {
            load.now += 1;
            load.most = load.most.max(load.now);
        });
        Self(state)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.load.send_modify(|load| load.now -= 1);
    }
}

async fn answer(request: Request<Incoming>, state: &State) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let asked = Asked {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let _counted = Counted::new(state);
    state.asked.send_modify(|all| all.push(asked.clone()));
    let passes = |gate: &Gate| match gate {
        Gate::Open => true,
        Gate::Held => false,
        Gate::Only(authorization) => authorization == asked.authorization(),
    };
    state.gate.subscribe().wait_for(passes).await.map_err(io::Error::other)?;
    let response = (state.script)(&asked).ok_or_else(|| io::Error::other("dropped by the script"))?;
    Ok(response.map(Full::new))
}

/// A JSON answer.
pub(crate) fn json_answer(status: u16, body: &Value) -> Response<Bytes> {
    text_answer(status, body.to_string())
}

/// An answer with this body.
pub(crate) fn text_answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// A review that confirms the account named like the token, and every audience that is asked for.
pub(crate) fn review_of(asked: &Asked) -> Value {
    let mut status = json!({
        "authenticated": true,
        "user": {"username": format!("system:serviceaccount:shop:{}", asked.token()), "uid": "u-1"},
    });
    if let Some(audiences) = asked.body["spec"].get("audiences") {
        status["audiences"] = audiences.clone();
    }
    json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})
}

/// The same as an answer.
pub(crate) fn confirmed(asked: &Asked) -> Response<Bytes> {
    json_answer(201, &review_of(asked))
}

/// A Status of failure.
pub(crate) fn failure(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no", "code": code})
}
