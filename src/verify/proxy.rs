//! A way to an API server through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), and nothing else.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::Settings;
use super::client::ConnectError;
use super::error::AskError;
use super::reviewer_credential::is_own_cluster;
use super::server_certificate::{HandshakeError, system_config};
use crate::config::HttpProxy;
use crate::core::secret::Secret;

/// A connection to an API server or to a proxy, below the API server's own TLS.
pub(super) type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// More than any proxy's answer to CONNECT has.
const MAX_HEAD: usize = 8 << 10;

/// Why a proxy makes no tunnel. Holds nothing of its credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("the proxy of `HTTPS_PROXY` cannot be reached")]
    Unreachable(#[source] ConnectError),
    #[error("the proxy of `HTTPS_PROXY` is not the one that TLS names")]
    Tls(#[source] HandshakeError),
    #[error("the proxy of `HTTPS_PROXY` makes no tunnel within {0:?}")]
    TimedOut(Duration),
    #[error("the proxy of `HTTPS_PROXY` wants other credentials than its URL holds (status 407)")]
    Credentials,
    #[error("the proxy of `HTTPS_PROXY` makes no tunnel: it answers CONNECT with status {0}")]
    Status(u16),
    #[error("the proxy of `HTTPS_PROXY` ends the connection instead of an answer to CONNECT")]
    Closed(#[source] io::Error),
    #[error(
        "the proxy of `HTTPS_PROXY` answers CONNECT with something else than one HTTP/1 head of at most {MAX_HEAD} bytes"
    )]
    Unexpected,
}

impl ProxyError {
    /// Why no connection to the proxy is made, where that is the cause. Whatever a proxy answers (403, 407, 502, 503) may be
    /// for want of room, which strangers can bring about.
    pub(super) const fn connect_error(&self) -> Option<&ConnectError> {
        match self {
            Self::Unreachable(error) => Some(error),
            _ => None,
        }
    }
}

/// That one API server is reached through a proxy.
#[derive(Debug)]
pub(super) struct Egress {
    proxy: Arc<HttpProxy>,
    /// `host:port` of the API server.
    target: String,
    patience: Duration,
}

impl Egress {
    /// The way to the API server at this URL; none where it is reached directly: over `http`, at the machine itself, in
    /// rolegate's own cluster, or by `NO_PROXY`.
    pub(super) fn new(settings: &Settings, url: &Uri, is_home: bool) -> Option<Self> {
        let (proxy, host) = (settings.proxy.as_ref()?, url.host()?);
        let port = url.port_u16().unwrap_or(443);
        let is_direct = url.scheme_str() != Some("https")
            || is_home
            || is_own_cluster(host, &settings.local)
            || proxy.no_proxy.contains(host, port);
        // Less than a question has, so that the proxy's failure is told from one of the API server.
        let patience = settings.timeout.mul_f64(0.75);
        (!is_direct).then(|| Self { proxy: Arc::clone(proxy), target: format!("{host}:{port}"), patience })
    }

    /// What connections are made with. Reads the system's certificates where TLS is spoken with the proxy.
    ///
    /// # Errors
    /// Where TLS with the proxy cannot be prepared.
    pub(super) fn tunnel(&self) -> Result<Tunnel, AskError> {
        let Self { proxy, target, patience } = self;
        let name = proxy.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match proxy.is_tls {
            true => {
                let config = Arc::new(system_config()?);
                let name = ServerName::try_from(name).map_err(|_| AskError::ProxyHost)?;
                Some((TlsConnector::from(config), name))
            }
            false => None,
        };
        let agent = concat!("rolegate/", env!("CARGO_PKG_VERSION"));
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {agent}\r\n");
        if let Some(authorization) = &proxy.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization.expose());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let url = format!("http://{}:{}", proxy.host, proxy.port).parse().map_err(|_| AskError::ProxyHost)?;
        Ok(Tunnel(Arc::new(Route { proxy: url, tls, request: request.into(), patience: *patience })))
    }
}

/// How connections through a proxy are made. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tunnel(Arc<Route>);

struct Route {
    /// Of the proxy, as an `http` URL.
    proxy: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The whole request.
    request: Secret,
    patience: Duration,
}

impl Tunnel {
    /// Where to connect to.
    pub(super) fn proxy(&self) -> &Uri {
        &self.0.proxy
    }

    /// Waits for a connection to the proxy, and has it make a tunnel to the API server, whose name the proxy resolves. Within
    /// three quarters of the time that one question has.
    ///
    /// # Errors
    /// Where there is no tunnel; what the proxy answered is read no further then.
    pub(super) async fn open(
        &self,
        connecting: impl Future<Output = Result<TcpStream, ConnectError>>,
    ) -> Result<Transport, ProxyError> {
        let Route { tls, request, patience, .. } = &*self.0;
        let tunnel = async {
            let tcp = connecting.await.map_err(ProxyError::Unreachable)?;
            let mut transport = match tls {
                None => Either::Left(tcp),
                Some((tls, name)) => {
                    let stream = tls.connect(name.clone(), tcp).await;
                    Either::Right(Box::new(stream.map_err(|error| ProxyError::Tls(error.into()))?))
                }
            };
            connect(&mut transport, request.expose()).await?;
            Ok(transport)
        };
        timeout(*patience, tunnel).await.map_err(|_| ProxyError::TimedOut(*patience))?
    }
}

/// Sends CONNECT and reads the answer's head.
async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
) -> Result<(), ProxyError> {
    stream.write_all(request.as_bytes()).await.map_err(ProxyError::Closed)?;
    stream.flush().await.map_err(ProxyError::Closed)?;
    let mut head = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = end(&head) {
            break end;
        }
        if head.len() >= MAX_HEAD {
            return Err(ProxyError::Unexpected);
        }
        let read = stream.read_buf(&mut head).await.map_err(ProxyError::Closed)?;
        if read == 0 {
            return Err(ProxyError::Closed(io::ErrorKind::UnexpectedEof.into()));
        }
    };
    match status(&head).ok_or(ProxyError::Unexpected)? {
        // The API server speaks after this side's ClientHello: whatever follows the head is none of its.
        200..=299 if head.len() == end => Ok(()),
        200..=299 => Err(ProxyError::Unexpected),
        407 => Err(ProxyError::Credentials),
        status => Err(ProxyError::Status(status)),
    }
}

/// Where a head ends, once it is whole.
fn end(head: &[u8]) -> Option<usize> {
    let after = |mark: &[u8]| {
        head.windows(mark.len()).position(|window| window == mark).map(|at| at.saturating_add(mark.len()))
    };
    [after(b"\n\r\n"), after(b"\n\n")].into_iter().flatten().min()
}

/// The code of a status line of HTTP/1 (RFC 9112 section 4).
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line.get(..12)?).ok()?;
    let code = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| code.parse().ok())?.filter(|code| (200..600).contains(code))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::{MAX_HEAD, ProxyError, connect};

    /// What comes of an answer, sent in parts of so many bytes.
    async fn outcome(answer: &[u8], part: usize) -> Result<(), ProxyError> {
        let (mut near, mut far) = duplex(1 << 16);
        let proxy = async {
            let mut request = [0; 4];
            far.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"CONN");
            for part in answer.chunks(part) {
                far.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(far);
        };
        tokio::join!(connect(&mut near, "CONN"), proxy).0
    }

    #[tokio::test]
    async fn a_tunnel_is_made_by_a_2xx_alone() {
        for part in [1, 7, 4096] {
            for head in [
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n",
                "HTTP/1.1 200\n\n",
                "HTTP/1.1 299 x\r\ncontent-length: 0\r\n\r\n",
            ] {
                assert!(outcome(head.as_bytes(), part).await.is_ok(), "{head:?}");
            }
            for (head, expected) in [
                ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\nbody", "status 407"),
                ("HTTP/1.1 503 x\r\n\r\n", "with status 503"),
                ("HTTP/1.1 302 x\r\nlocation: /\r\n\r\n", "with status 302"),
                ("HTTP/1.1 200 OK\r\n\r\n\u{16}", "something else"),
                ("HTTP/1.1 100 Continue\r\n\r\n", "something else"),
                ("HTTP/2 200\r\n\r\n", "something else"),
                ("SSH-2.0-x\r\n\r\n", "something else"),
                ("\r\n\r\n", "something else"),
                ("HTTP/1.1 200 OK\r\n", "ends the connection"),
                ("", "ends the connection"),
            ] {
                let error = outcome(head.as_bytes(), part).await.unwrap_err().to_string();
                assert!(error.contains(expected), "{head:?}: {error}");
            }
        }
    }

    #[tokio::test]
    async fn no_more_of_an_answer_is_read_than_a_head_has() {
        let endless = vec![b'x'; MAX_HEAD * 4];
        assert!(matches!(outcome(&endless, 4096).await, Err(ProxyError::Unexpected)));
    }
}
