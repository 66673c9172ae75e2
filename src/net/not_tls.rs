//! A client that speaks plain HTTP to a port of TLS: it gets a sentence, not an alert that it cannot read.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::reads::Turn;
use super::stream::Stream;

/// The text is the one of Go's servers, and so of Vault's.
const ANSWER: &[u8] = b"HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Whether a method comes first: a letter, which begins no TLS record (RFC 8446 section 5.1). The byte stays unread.
pub(super) async fn is_http(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == first.len() && first.iter().all(u8::is_ascii_uppercase))
}

/// Answers and closes.
pub(super) async fn refuse(stream: TcpStream) -> io::Result<()> {
    // Nothing is read but what comes after the end.
    let mut stream = Stream::new(stream, Duration::ZERO, Turn::new());
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}
