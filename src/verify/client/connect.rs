//! How a connection to an API server is made: its name's addresses, then TCP, then TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::stream::Stream;
use crate::verify::error::AskError;
use crate::verify::proxy::{ProxyError, Transport, Tunnel};
use crate::verify::resolver::{ResolveError, Resolver, SystemLookup};
use crate::verify::server_certificate::HandshakeError;

/// For a whole connection; questions that wait for it have a time of their own.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an address has for itself before the next one is tried beside it (RFC 8305 section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`), and an idle peer silent before it is probed.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::verify) enum ConnectError {
    #[error("its name is not resolved")]
    Resolve(#[source] ResolveError),
    #[error("no TCP connection is made")]
    Tcp(#[source] Arc<io::Error>),
    #[error("this process has no descriptor or port for a connection")]
    NoResources(#[source] Arc<io::Error>),
    #[error(transparent)]
    Tls(Arc<HandshakeError>),
    #[error(transparent)]
    Proxy(Arc<ProxyError>),
    #[error("no connection is made within {0:?}")]
    TimedOut(Duration),
}

impl ConnectError {
    /// The other side, or the network, has said that there will be no connection: there is no such name, no route, no
    /// listener, or TLS is refused. A time-out, an overload and whatever breaks off half-way are none of these.
    pub(in crate::verify) fn is_refusal(&self) -> bool {
        match self {
            Self::Resolve(error) => matches!(error, ResolveError::NoSuchName),
            Self::Tcp(error) => is_refusal_of_tcp(error),
            Self::Tls(error) => error.tls().is_some_and(is_refusal_of_tls),
            Self::Proxy(error) => error.connect_error().is_some_and(Self::is_refusal),
            Self::NoResources(_) | Self::TimedOut(_) => false,
        }
    }

    /// It is this process that lacks something, and says nothing of the API server.
    pub(in crate::verify) fn is_local(&self) -> bool {
        match self {
            Self::NoResources(_) => true,
            Self::Proxy(error) => error.connect_error().is_some_and(Self::is_local),
            _ => false,
        }
    }

    fn from_tcp(error: io::Error) -> Self {
        use Errno as E;
        let number = Errno::from_io_error(&error);
        let is_local = number.is_some_and(|number| {
            [E::MFILE, E::NFILE, E::NOBUFS, E::NOMEM, E::ADDRNOTAVAIL, E::AGAIN].contains(&number)
        });
        if is_local { Self::NoResources(Arc::new(error)) } else { Self::Tcp(Arc::new(error)) }
    }
}

fn is_refusal_of_tcp(error: &io::Error) -> bool {
    use Errno as E;
    let number = Errno::from_io_error(error);
    number.is_some_and(|number| {
        [E::CONNREFUSED, E::HOSTUNREACH, E::NETUNREACH, E::AFNOSUPPORT].contains(&number)
    })
}

const fn is_refusal_of_tls(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::AlertReceived(alert) => !matches!(alert, AlertDescription::InternalError),
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::PeerIncompatible(_) => true,
        _ => false,
    }
}

/// Makes connections to one API server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector(Arc<Target>);

struct Target {
    place: Place,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// A tunnel through the proxy that `place` and `port` name.
    tunnel: Option<Tunnel>,
}

enum Place {
    Address(IpAddr),
    Name(Arc<Resolver>),
}

impl Connector {
    /// A connector for a URL, with what TLS needs where its scheme is https, through a tunnel where there is one.
    pub(super) fn new(
        url: &Uri,
        tls: Option<ClientConfig>,
        tunnel: Option<Tunnel>,
    ) -> Result<Self, AskError> {
        let usual = if tls.is_some() { 443 } else { 80 };
        let tls = tls.map(|config| {
            let name = ServerName::try_from(bare_host(url).to_owned()).map_err(|_| AskError::Host)?;
            Ok((TlsConnector::from(Arc::new(config)), name))
        });
        // A proxy resolves the API server's name.
        let dialled = tunnel.as_ref().map_or(url, Tunnel::proxy);
        let host = bare_host(dialled);
        let place = match host.parse() {
            Ok(address) => Place::Address(address),
            Err(_) => Place::Name(Resolver::new(host, SystemLookup::default())),
        };
        let port = dialled.port_u16().unwrap_or(usual);
        Ok(Self(Arc::new(Target { place, port, tls: tls.transpose()?, tunnel })))
    }

    async fn connect(self) -> Result<TokioIo<Stream>, ConnectError> {
        let made = async {
            let dial = async { tcp(&self.0.addresses().await?).await };
            let transport = match &self.0.tunnel {
                None => Either::Left(dial.await?),
                Some(tunnel) => {
                    tunnel.open(dial).await.map_err(|error| ConnectError::Proxy(Arc::new(error)))?
                }
            };
            self.0.tls(transport).await
        };
        timeout(CONNECT, made).await.unwrap_or(Err(ConnectError::TimedOut(CONNECT))).map(TokioIo::new)
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _url: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

impl Target {
    async fn addresses(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let at = |address: &IpAddr| SocketAddr::new(*address, self.port);
        match &self.place {
            Place::Address(address) => Ok(vec![at(address)]),
            Place::Name(resolver) => {
                let addresses = resolver.addresses().await.map_err(ConnectError::Resolve)?;
                Ok(addresses.iter().map(at).collect())
            }
        }
    }

    async fn tls(&self, transport: Transport) -> Result<Stream, ConnectError> {
        Ok(Stream::new(match &self.tls {
            None => Either::Left(transport),
            Some((connector, name)) => {
                let shaken = connector.connect(name.clone(), transport).await;
                Either::Right(shaken.map_err(|error| ConnectError::Tls(Arc::new(error.into())))?)
            }
        }))
    }
}

/// A URL's host without the brackets of an IPv6 address.
fn bare_host(url: &Uri) -> &str {
    url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// A connection to the first of the addresses that takes one: in turn, each with a head start before the next.
async fn tcp(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut attempts = FuturesUnordered::new();
    let mut others = addresses.iter();
    let mut failed = None;
    loop {
        if let Some(address) = others.next() {
            attempts.push(tcp_to(*address));
        }
        let ended = match others.as_slice() {
            [] => attempts.next().await,
            _ => match timeout(NEXT_ADDRESS, attempts.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failed = Some(weightier(failed, error)),
            None if others.as_slice().is_empty() => {
                return Err(failed.unwrap_or(ConnectError::Resolve(ResolveError::NoAddress)));
            }
            None => {}
        }
    }
}

/// All addresses must have refused for it to be a refusal.
fn weightier(before: Option<ConnectError>, error: ConnectError) -> ConnectError {
    before.filter(|before| !before.is_refusal()).unwrap_or(error)
}

async fn tcp_to(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        let settings = SockRef::from(&socket);
        let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE_INTERVAL);
        settings.set_tcp_keepalive(&keep_alive.with_retries(2))?;
        settings.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(socket)
    };
    let socket = open().map_err(ConnectError::from_tcp)?;
    socket.connect(address).await.map_err(ConnectError::from_tcp)
}

#[cfg(test)]
mod tests;
