//! A client for one API server: HTTP/1.1 over kept connections, TLS 1.2 or later, no redirects, no proxy.

mod kept;
mod wire;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use kube::client::ConfigExt as _;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;
use tower::ServiceExt as _;

use super::error::AskError;
use crate::exchange::ExchangeError;
use kept::Kept;
use wire::{Failure, Question, Wire};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The base URL of the server; one slash at its end does not count.
pub(super) fn base_url(kubernetes_host: &str) -> Option<Uri> {
    let text = kubernetes_host.strip_suffix('/').unwrap_or(kubernetes_host);
    let url: Uri = text.parse().ok()?;
    let usable = matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
        && url.query().is_none();
    usable.then_some(url)
}

/// A way to one API server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client(Arc<Server>);

struct Server {
    url: Uri,
    host: HeaderValue,
    tcp: HttpConnector,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    kept: Arc<Mutex<Kept>>,
}

impl Client {
    /// A client that trusts these certificates alone, or the system's where there are none. It keeps so many
    /// connections for the questions to come.
    pub(super) fn new(
        url: &Uri,
        roots: Option<Vec<Vec<u8>>>,
        idle_connections: usize,
    ) -> Result<Self, AskError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let name = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let tls = match url.scheme_str() {
            Some("https") => {
                let mut config = kube::Config::new(url.clone());
                config.root_cert = roots;
                let tls = config.rustls_client_config().map_err(|error| AskError::Ca(error.into()))?;
                let name = ServerName::try_from(name.to_owned()).map_err(|_| AskError::Host)?;
                Some((TlsConnector::from(Arc::new(tls)), name))
            }
            _ => None,
        };
        let host = host_header(url).ok_or(AskError::Host)?;
        let kept = Arc::new(Mutex::new(Kept::new(idle_connections)));
        Ok(Self(Arc::new(Server { url: url.clone(), host, tcp, tls, kept })))
    }

    /// Gets what is at a path.
    ///
    /// # Errors
    /// Where there is no whole answer, whatever its status.
    pub(super) async fn get(
        &self,
        path: &str,
        with: impl FnOnce(&mut HeaderMap),
    ) -> Result<(StatusCode, Bytes), ExchangeError> {
        self.send(self.question(Method::GET, path, Bytes::new(), with)?).await
    }

    /// Sends JSON to a path.
    ///
    /// # Errors
    /// Where there is no whole answer, whatever its status.
    pub(super) async fn post(
        &self,
        path: &str,
        with: impl FnOnce(&mut HeaderMap),
        json: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ExchangeError> {
        let mut question = self.question(Method::POST, path, json.into(), with)?;
        question.headers_mut().insert(CONTENT_TYPE, JSON);
        self.send(question).await
    }

    fn question(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        with: impl FnOnce(&mut HeaderMap),
    ) -> Result<Question, ExchangeError> {
        let below = self.0.url.path().trim_end_matches('/');
        let uri = if below.is_empty() { Uri::try_from(path) } else { Uri::try_from([below, path].concat()) };
        let mut question = Question::new(Full::new(body));
        *question.uri_mut() = uri.map_err(|error| ExchangeError::Unreachable(error.into()))?;
        *question.method_mut() = method;
        let headers = question.headers_mut();
        headers.insert(HOST, self.0.host.clone());
        headers.insert(ACCEPT, JSON);
        with(headers);
        Ok(question)
    }

    /// Over a connection that is there, or over a new one. Only what was not sent is sent again.
    async fn send(&self, mut question: Question) -> Result<(StatusCode, Bytes), ExchangeError> {
        while let Some(wire) = Kept::take(&self.0.kept) {
            match self.ask(wire, question).await {
                Err(Failure::Unsent(back)) => question = *back,
                Err(Failure::Broken(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        // Apart, for it is rare and its state is large.
        let wire = Box::pin(self.connect()).await.map_err(ExchangeError::Unreachable)?;
        self.ask(wire, question).await.map_err(|failure| match failure {
            Failure::Broken(error) => error,
            Failure::Unsent(_) => ExchangeError::Unreachable("the connection was closed at once".into()),
        })
    }

    async fn ask(&self, mut wire: Box<Wire>, question: Question) -> Result<(StatusCode, Bytes), Failure> {
        let answer = wire.ask(question).await?;
        if wire.is_good() {
            Kept::put(&self.0.kept, wire);
        }
        Ok(answer)
    }

    async fn connect(&self) -> Result<Box<Wire>, Box<dyn std::error::Error + Send + Sync>> {
        let Server { url, tcp, tls, .. } = &*self.0;
        let tcp = tcp.clone().oneshot(url.clone()).await?.into_inner();
        let stream = match tls {
            None => Either::Left(tcp),
            Some((tls, name)) => Either::Right(tls.connect(name.clone(), tcp).await?),
        };
        Ok(Box::new(Wire::open(stream).await?))
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

#[cfg(test)]
mod tests;
