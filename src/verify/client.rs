//! A client for one API server: HTTP/1.1 over pooled connections, TLS 1.2 or later, no redirects.
//!
//! The pool is hyper-util's. A pool of our own, whose connections were driven by the question that used them, took 14 us
//! of CPU for a review instead of 22 (16 clients, 1 KB, plain TCP, two cores): 3 % of a login with its TokenReview (56 us,
//! and 212 us of kube-apiserver, docs/scaling.md), less than a pool is worth.
//!
//! A review has no side effects, so it is sent once more, on a new connection, where a connection breaks, or stays
//! silent for much longer than the API server takes of late. Either closes every idle connection: their peer may have
//! vanished, too.

mod connect;
mod latency;
mod retry_after;
mod stream;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::AskError;
use super::proxy::Tunnel;
use super::server_certificate::client_config;
use crate::core::mount::HostFault;
use crate::exchange::{ExchangeError, whole};
pub(super) use connect::ConnectError;
use connect::Connector;
use latency::Latency;
use retry_after::retry_after;
use stream::Uses;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Shorter than the API server's own 90 seconds, so that no question goes into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections are closed at most once in this time, so that whoever provokes failures cannot keep a pool empty.
const BETWEEN_DROPS: Duration = Duration::from_secs(1);

type Pooled = legacy::Client<Connector, Full<Bytes>>;

/// The base URL of the server; one slash at its end does not count.
pub(super) fn base_url(kubernetes_host: &str) -> Option<Uri> {
    if HostFault::find(kubernetes_host).is_some() {
        return None;
    }
    let text = kubernetes_host.strip_suffix('/').unwrap_or(kubernetes_host);
    let url: Uri = text.parse().ok()?;
    let usable = matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
        && url.query().is_none();
    usable.then_some(url)
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// A way to one API server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client(Arc<Server>);

struct Server {
    url: Uri,
    host: HeaderValue,
    connector: Connector,
    idle_connections: usize,
    timeout: Duration,
    pool: Mutex<Pool>,
    latency: Latency,
}

struct Pool {
    client: Pooled,
    /// When its idle connections were closed.
    dropped: Option<Instant>,
}

/// Why an attempt has no answer.
#[derive(Debug)]
enum Failure {
    /// There is no connection, nothing was sent.
    Connect(ConnectError),
    /// The connection broke off after it was made.
    Broken(Box<dyn Error + Send + Sync>),
    /// The connection stays silent.
    Silent,
    /// The question's time is over.
    TimedOut,
    TooLarge,
}

impl Client {
    /// A client that trusts these certificates alone, or the system's where there are none, and goes through this tunnel
    /// where there is one. It keeps so many connections for the questions to come. `timeout` is what a question usually has.
    pub(super) fn new(
        url: &Uri,
        roots: Option<Vec<Vec<u8>>>,
        tunnel: Option<Tunnel>,
        idle_connections: usize,
        timeout: Duration,
    ) -> Result<Self, AskError> {
        let tls = if url.scheme_str() == Some("https") { Some(client_config(roots)?) } else { None };
        let connector = Connector::new(url, tls, tunnel)?;
        let host = host_header(url).ok_or(AskError::Host)?;
        let client = pooled(&connector, idle_connections);
        let pool = Mutex::new(Pool { client, dropped: None });
        let latency = Latency::default();
        let url = url.clone();
        Ok(Self(Arc::new(Server { url, host, connector, idle_connections, timeout, pool, latency })))
    }

    /// Gets what is at a path, until `deadline`.
    ///
    /// # Errors
    /// Where there is no whole answer, whatever its status.
    pub(super) async fn get(
        &self,
        path: &str,
        with: impl FnOnce(&mut HeaderMap),
        deadline: Instant,
    ) -> Result<Answer, AskError> {
        self.send(self.request(Method::GET, path, Bytes::new(), with)?, deadline).await
    }

    /// Sends JSON to a path, once more where that fails: what it asks for must have no side effects.
    ///
    /// # Errors
    /// Where there is no whole answer, whatever its status.
    pub(super) async fn post(
        &self,
        path: &str,
        with: impl FnOnce(&mut HeaderMap),
        json: Vec<u8>,
        deadline: Instant,
    ) -> Result<Answer, AskError> {
        let mut request = self.request(Method::POST, path, json.into(), with)?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        self.send(request, deadline).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        with: impl FnOnce(&mut HeaderMap),
    ) -> Result<Request<Full<Bytes>>, AskError> {
        let mut parts = self.0.url.clone().into_parts();
        let below = self.0.url.path().trim_end_matches('/');
        parts.path_and_query = Some([below, path].concat().try_into().map_err(|_| AskError::Host)?);
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| AskError::Host)?;
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(HOST, self.0.host.clone());
        headers.insert(ACCEPT, JSON);
        with(headers);
        Ok(request)
    }

    async fn send(&self, request: Request<Full<Bytes>>, deadline: Instant) -> Result<Answer, AskError> {
        let pooled = self.lock().client.clone();
        let first = match self.attempt(&pooled, request.clone(), deadline, true).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Connect(error)) => return Err(AskError::Connect(error)),
            Err(Failure::TooLarge) => return Err(AskError::TooLarge),
            Err(failure) => failure,
        };
        self.drop_idle();
        let broken: Box<dyn Error + Send + Sync> = match first {
            Failure::Broken(cause) => cause,
            Failure::Silent => "it stays silent".into(),
            _ => return Err(AskError::TimedOut(self.0.timeout)),
        };
        // Not from the pool, where another question may have put its connection meanwhile. Apart, for it is rare.
        let unpooled = self::pooled(&self.0.connector, 0);
        match Box::pin(self.attempt(&unpooled, request, deadline, false)).await {
            Ok(answer) => Ok(answer),
            Err(Failure::TooLarge) => Err(AskError::TooLarge),
            Err(Failure::Broken(cause)) => Err(AskError::Broken(cause)),
            // The server took the question at first: that is no failure to connect.
            Err(Failure::Connect(error)) => Err(AskError::Broken(error.into())),
            Err(Failure::Silent) => Err(AskError::Broken(broken)),
            Err(Failure::TimedOut) => Err(AskError::TimedOut(self.0.timeout)),
        }
    }

    /// One attempt. With `may_give_up` a connection that stays silent has a part of the time only.
    async fn attempt(
        &self,
        client: &Pooled,
        mut request: Request<Full<Bytes>>,
        deadline: Instant,
        may_give_up: bool,
    ) -> Result<Answer, Failure> {
        let mut connection = capture_connection(&mut request);
        let began = Instant::now();
        let answer = pin!(async {
            let response = client.request(request).await?;
            let retry_after = retry_after(response.headers());
            let (status, body) = whole(response).await?;
            Ok::<_, Failure>(Answer { status, retry_after, body })
        });
        let silent = async {
            let was_used = connection.wait_for_connection_metadata().await.as_ref().is_some_and(Uses::begin);
            let latency = &self.0.latency;
            let patience = latency.patience(deadline.saturating_duration_since(Instant::now()));
            // A new connection is given up only where it is known how long an answer takes.
            match patience.filter(|_| may_give_up && (was_used || latency.is_known())) {
                Some(patience) => sleep_until(Instant::now() + patience).await,
                None => pending().await,
            }
        };
        let outcome = timeout_at(deadline, async {
            tokio::select! {
                biased;
                answer = answer => answer,
                () = silent => Err(Failure::Silent),
            }
        });
        let outcome = outcome.await.unwrap_or(Err(Failure::TimedOut));
        if matches!(outcome, Ok(_) | Err(Failure::TimedOut)) {
            self.0.latency.observe(began.elapsed());
        }
        outcome
    }

    /// Closes the idle connections. Those in use go on, and are closed after their answer.
    fn drop_idle(&self) {
        let mut pool = self.lock();
        if pool.dropped.is_none_or(|at| at.elapsed() >= BETWEEN_DROPS) {
            let client = pooled(&self.0.connector, self.0.idle_connections);
            *pool = Pool { client, dropped: Some(Instant::now()) };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool that is empty.
fn pooled(connector: &Connector, idle_connections: usize) -> Pooled {
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle_connections)
        .build(connector.clone())
}

impl From<legacy::Error> for Failure {
    fn from(error: legacy::Error) -> Self {
        match error.source().and_then(|cause| cause.downcast_ref::<ConnectError>()) {
            Some(cause) => Self::Connect(cause.clone()),
            None => Self::Broken(error.into()),
        }
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Unreachable(cause) => Self::Broken(cause),
            ExchangeError::TooLarge => Self::TooLarge,
        }
    }
}

/// Host, and port where it is not the scheme's own.
fn host_header(url: &Uri) -> Option<HeaderValue> {
    let host = url.host()?;
    let usual = if url.scheme_str() == Some("https") { 443 } else { 80 };
    match url.port_u16().filter(|port| *port != usual) {
        Some(port) => HeaderValue::try_from(format!("{host}:{port}")).ok(),
        None => HeaderValue::try_from(host).ok(),
    }
}
