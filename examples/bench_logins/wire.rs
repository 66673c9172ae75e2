//! HTTP/1.1 by hand, keep-alive and with `content-length` only: what both ends of the benchmark need and no more.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection and what was read of it.
pub(crate) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    used: usize,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, held: Vec::with_capacity(8192), used: 0 })
    }

    pub(crate) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await
    }

    /// The next message's head and body; none where the other end has closed between two.
    pub(crate) async fn receive(&mut self) -> io::Result<Option<(&str, &[u8])>> {
        self.held.drain(..self.used);
        self.used = 0;
        let head = loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                break at + 4;
            }
            if self.stream.read_buf(&mut self.held).await? == 0 {
                return if self.held.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let text = std::str::from_utf8(&self.held[..head]).map_err(io::Error::other)?;
        let whole = head + content_length(text)?;
        while self.held.len() < whole {
            if self.stream.read_buf(&mut self.held).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.used = whole;
        let text = std::str::from_utf8(&self.held[..head]).map_err(io::Error::other)?;
        Ok(Some((text, &self.held[head..whole])))
    }
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn content_length(head: &str) -> io::Result<usize> {
    for line in head.split("\r\n") {
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                return value.trim().parse().map_err(io::Error::other);
            }
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::other("a body in chunks is not read here"));
            }
        }
    }
    Ok(0)
}
