//! A stream whose peer must begin to speak in time: before HTTP's own time-outs there is none.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What an HTTP/2 client says first (RFC 9113 section 3.4). While that is incomplete, nobody times it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Fails a read when the HTTP/2 preface, or the first byte that is none, does not come in time.
#[derive(Debug)]
pub(super) struct FirstWords<T> {
    io: T,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    rest: &'static [u8],
    until: Pin<Box<Sleep>>,
}

impl<T> FirstWords<T> {
    pub(super) fn new(io: T, within: Duration) -> Self {
        let until = Box::pin(tokio::time::sleep(within));
        Self { io, waiting: Some(Waiting { rest: PREFACE, until }) }
    }
}

impl Waiting {
    /// True once HTTP's own time-outs hold.
    fn heard(&mut self, said: &[u8]) -> bool {
        match self.rest.strip_prefix(said) {
            Some(rest) if !rest.is_empty() => {
                self.rest = rest;
                false
            }
            _ => true,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FirstWords<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(waiting) = &mut this.waiting else { return Pin::new(&mut this.io).poll_read(cx, into) };
        let before = into.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, into) {
            Poll::Ready(Ok(())) => {
                if waiting.heard(into.filled().get(before..).unwrap_or_default()) {
                    this.waiting = None;
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(waiting.until.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for FirstWords<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    // Never vectored: HTTP/2 then gathers the answers of many requests in one buffer (up to 1 KiB of each), where it
    // would otherwise make a system call for every one above 256 bytes. The system call costs more than the copy.
    fn is_write_vectored(&self) -> bool {
        false
    }
}
