//! HTTP/1.1 written and read by hand, so that a path, a method and a header's name go out exactly as recorded.

use std::{io, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{cases::Request, support::DEADLINE, world::World};

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The answer that these bytes are.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        read(bytes, false).unwrap()
    }

    /// The header's value; nothing where it is absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; nothing where it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Sends the request over a connection of its own and reads the whole answer.
pub(crate) async fn send(
    address: SocketAddr,
    request: &Request,
    world: &World<'_>,
    root: &str,
) -> io::Result<Answer> {
    let message = written(address, request, world, root)?;
    let bytes = timeout(DEADLINE, exchange(address, &message)).await??;
    read(&bytes, request.method == "HEAD")
}

async fn exchange(address: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(message).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The request's bytes.
fn written(address: SocketAddr, request: &Request, world: &World<'_>, root: &str) -> io::Result<Vec<u8>> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, world.fill(&request.path));
    head += &format!("Host: {address}\r\nConnection: close\r\n");
    for (name, value) in &request.headers {
        head += &format!("{name}: {}\r\n", world.fill(value));
    }
    let token = match request.caller.as_str() {
        "none" => None,
        "root" => Some(root),
        name => Some(world.captured(name).ok_or_else(|| io::Error::other(format!("no token `{name}`")))?),
    };
    if let Some(token) = token.filter(|_| !request.headers.contains_key("X-Vault-Token")) {
        head += &format!("X-Vault-Token: {token}\r\n");
    }
    let body = match (&request.json, &request.raw, &request.raw_base64) {
        (Some(json), ..) => Some(world.fill_value(json).to_string().into_bytes()),
        (None, Some(raw), _) => Some(world.fill(raw).into_bytes()),
        (None, None, Some(raw)) => Some(STANDARD.decode(raw).map_err(io::Error::other)?),
        (None, None, None) => None,
    };
    if let Some(body) = &body {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut message = (head + "\r\n").into_bytes();
    message.extend(body.unwrap_or_default());
    Ok(message)
}

/// What the server sent until it closed the connection.
fn read(bytes: &[u8], to_head: bool) -> io::Result<Answer> {
    let broken = |what: &str| io::Error::other(format!("{what} in {:?}", String::from_utf8_lossy(bytes)));
    let end = position(bytes, b"\r\n\r\n").ok_or_else(|| broken("no whole head"))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let pair =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers = lines.map(pair).collect::<Option<_>>().ok_or_else(|| broken("no header"))?;
    let mut answer = Answer { status: status.ok_or_else(|| broken("no status"))?, headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    answer.body = match answer.header("transfer-encoding") {
        Some(_) => dechunked(rest).ok_or_else(|| broken("no whole chunks"))?,
        None => rest.to_vec(),
    };
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let whole = to_head || length.is_none_or(|length| length == answer.body.len());
    whole.then_some(answer).ok_or_else(|| broken("another length than promised"))
}

/// The chunks put together, or nothing where the last one is missing.
fn dechunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = position(bytes, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        let chunk = bytes.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend(chunk);
        bytes = bytes.get(end + 2 + size + 2..)?;
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[test]
fn an_answer_is_read_whole_or_refused() {
    let whole =
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", false);
    assert_eq!(whole.unwrap().text(), "abcd");
    for cut in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n",
        b"",
    ] {
        assert!(read(cut, false).is_err());
    }
}
