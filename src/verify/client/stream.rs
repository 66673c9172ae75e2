//! A connection to an API server, which knows whether a question has gone over it before.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::verify::proxy::Transport;

/// Plain or encrypted.
type Bytes = Either<Transport, TlsStream<Transport>>;

/// A connection for the pool.
pub(in crate::verify) struct Stream {
    bytes: Bytes,
    uses: Uses,
}

/// Whether a connection has been used.
#[derive(Debug, Clone, Default)]
pub(super) struct Uses(Arc<AtomicBool>);

impl Uses {
    /// Notes that a connection is taken for a question. True where it was before.
    pub(super) fn begin(connected: &Connected) -> bool {
        let mut extras = Extensions::new();
        connected.get_extras(&mut extras);
        extras.get::<Self>().is_some_and(|uses| uses.0.swap(true, Ordering::Relaxed))
    }
}

impl Stream {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, uses: Uses::default() }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.uses.clone())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}
