//! A listener that has its port but takes no connection yet.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::refused::OnRefused;
use super::reload::Tls;
use super::{Limits, Protocol, TlsError, TlsFiles};
use crate::health::Health;
use crate::metrics::Metrics;

/// Connections that the kernel keeps for us until they are taken.
const BACKLOG: i32 = 1024;

/// What to listen on, and how.
#[derive(Debug, Clone)]
pub struct Listen {
    /// What logs and readiness call it, such as `envoy`.
    pub name: &'static str,
    /// Port 0 takes a free one.
    pub addr: SocketAddr,
    /// None: plaintext.
    pub tls: Option<TlsFiles>,
    /// What is spoken.
    pub protocol: Protocol,
    /// The bounds.
    pub limits: Limits,
}

/// A bound listener. Connections made from now on wait for [`Bound::serve`].
#[derive(Debug)]
pub struct Bound {
    pub(super) name: &'static str,
    pub(super) listener: TcpListener,
    pub(super) local_addr: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) protocol: Protocol,
    pub(super) limits: Limits,
    /// How many connections there may be: as the limits say, until a [`Budget`](super::Budget) says less.
    pub(super) places: Arc<AtomicUsize>,
    pub(super) metrics: Option<Metrics>,
    pub(super) health: Health,
    pub(super) on_refused: OnRefused,
}

/// Why a listener cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Some other process has the port.
    #[error("cannot listen on `{addr}`: the address is in use")]
    Taken {
        /// As configured.
        addr: SocketAddr,
    },
    /// The operating system does not give the address.
    #[error("cannot listen on `{addr}`")]
    Listen {
        /// As configured.
        addr: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The certificate files are not good.
    #[error("cannot serve TLS on `{addr}`")]
    Tls {
        /// As configured.
        addr: SocketAddr,
        /// Which file, and why.
        source: Box<TlsError>,
    },
}

impl Bound {
    /// Takes the port and reads the certificates. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// Where the address is taken or not ours, or a certificate file is not good.
    pub fn bind(listen: Listen, health: &Health) -> Result<Self, BindError> {
        let Listen { name, addr, tls, protocol, limits } = listen;
        let tls = match tls {
            Some(files) => Some(
                Tls::load(name, files, health.clone())
                    .map_err(|source| BindError::Tls { addr, source: Box::new(source) })?,
            ),
            None => None,
        };
        let (listener, local_addr) = open(addr).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { addr },
            _ => BindError::Listen { addr, source },
        })?;
        let places = Arc::new(AtomicUsize::new(limits.connections));
        let (metrics, health) = (None, health.clone());
        let on_refused = OnRefused::default();
        Ok(Self { name, listener, local_addr, tls, protocol, limits, places, metrics, health, on_refused })
    }

    /// The same, and calls this for each request that the HTTP/2 library refuses before the service sees it.
    #[must_use]
    pub fn with_on_refused(self, on_refused: OnRefused) -> Self {
        Self { on_refused, ..self }
    }

    /// `https` with TLS, else `http`.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The address with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

fn open(addr: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if addr.is_ipv6() {
        // `[::]` serves IPv4 as well, whatever the machine's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let local_addr = listener.local_addr()?;
    Ok((listener, local_addr))
}
