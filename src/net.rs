//! Listeners: bound first, served second, drained at the end.

mod activity;
mod answer;
mod bound;
mod connection;
mod descriptors;
mod memory;
mod not_tls;
mod occupancy;
mod patience;
mod places;
mod reads;
mod refused;
mod reload;
mod serve;
mod spawn;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

pub use bound::{BindError, Bound, Listen};
pub use connection::with_peer;
pub use descriptors::{Budget, raise_descriptor_limit};
pub use refused::OnRefused;
pub use tls::TlsError;

pub use crate::config::TlsFiles;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC: HTTP/2 with prior knowledge, or by ALPN; answers carry no `date`. HTTP/1.1 is spoken, too, for the service to
    /// refuse: a client that gets no answer takes that for an error, which may open what it guards.
    Grpc,
    /// HTTP/1.1 and HTTP/2, by ALPN or by the first bytes.
    Http1AndHttp2,
}

/// The bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections. Beyond them a newcomer takes the place of another connection, or is refused.
    pub connections: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Bytes of one request's headers, as HTTP/2 counts them (RFC 9113 section 6.5.2).
    pub header_bytes: u32,
    /// Bytes of one request's body that HTTP/2 takes ahead of the reader.
    pub stream_window: u32,
    /// The same for all requests of a connection together.
    pub connection_window: u32,
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// For the first bytes, and for HTTP/1 for each request's headers, idle time before them included.
    pub headers: Duration,
    /// Between two HTTP/2 pings, and for the answer to one.
    pub ping: (Duration, Duration),
    /// Between two looks at the certificate files.
    pub reload: Duration,
}

impl Default for Limits {
    /// Room for a CheckRequest of 1 MiB in one window, and for 80 kB of headers.
    fn default() -> Self {
        Self {
            connections: 4096,
            streams: 1024,
            header_bytes: 128 * 1024,
            stream_window: (1 << 20) + (64 << 10),
            connection_window: 4 << 20,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(60),
            ping: (Duration::from_secs(30), Duration::from_secs(10)),
            reload: Duration::from_secs(2),
        }
    }
}
