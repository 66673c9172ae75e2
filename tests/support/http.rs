//! A small HTTP client: one connection for each request, HTTP/1.1 or HTTP/2, with or without TLS.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::task::AbortOnDropHandle;

/// Where requests go, and how.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    host: String,
    http2: bool,
    tls: Option<Arc<ClientConfig>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers, empty where there were none.
    pub trailers: HeaderMap,
}

impl Client {
    /// Speaks HTTP/1.1, with header names as `Title-Case`.
    pub fn http1(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), http2: false, tls: None }
    }

    /// Speaks HTTP/2 at once, without asking.
    pub fn http2(address: SocketAddr) -> Self {
        Self { http2: true, ..Self::http1(address) }
    }

    /// Says this `Host` or `:authority`; under TLS also the name that the server must prove.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Speaks TLS, with ALPN.
    pub fn tls(mut self, mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![if self.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        self.tls = Some(Arc::new(config));
        self
    }

    /// GET with these headers, in this order, duplicates as they are; a connection that breaks fails the test.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::default()).unwrap())
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// Sends a request whose URI is a path; the error is the connection's, also when the server resets the stream.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Answer, hyper::Error>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
        B: Send + Unpin + 'static,
    {
        super::within(format!("an answer from {}", self.address), async {
            let tcp = TcpStream::connect(self.address)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", self.address));
            match &self.tls {
                None => self.exchange(tcp, "http", request).await,
                Some(config) => {
                    let name = ServerName::try_from(self.host.clone()).unwrap();
                    let tls =
                        tokio_rustls::TlsConnector::from(config.clone()).connect(name, tcp).await.unwrap();
                    self.exchange(tls, "https", request).await
                }
            }
        })
        .await
    }

    async fn exchange<B, S>(
        &self,
        stream: S,
        scheme: &str,
        mut request: Request<B>,
    ) -> Result<Answer, hyper::Error>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
        B: Send + Unpin + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        if self.http2 {
            *request.uri_mut() = format!("{scheme}://{}{}", self.host, request.uri()).parse().unwrap();
            let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await?;
            let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
            Answer::of(sender.send_request(request).await?).await
        } else {
            request.headers_mut().entry("host").or_insert(self.host.parse().unwrap());
            let (mut sender, connection) =
                conn::http1::Builder::new().title_case_headers(true).handshake(io).await?;
            let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
            Answer::of(sender.send_request(request).await?).await
        }
    }
}

impl Answer {
    /// The header's value; nothing where it is absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; a body that is none fails the test.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: `{}`", self.text()))
    }

    async fn of(response: Response<Incoming>) -> Result<Self, hyper::Error> {
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Self { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
    }
}
