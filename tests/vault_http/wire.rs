//! HTTP/1 by hand: what is sent goes out byte by byte, and each answer is read as it stands.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::soon;

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts status and body, and that it is JSON nobody may keep.
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body), "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
    }
}

impl Wire {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes. That the server has closed meanwhile is seen when its answer is read.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _sent = soon(self.stream.write_all(bytes.as_ref())).await;
        self
    }

    /// Says that nothing more is sent.
    pub(crate) async fn close(&mut self) {
        soon(self.stream.shutdown()).await.unwrap();
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.next(false).await.expect("an answer")
    }

    /// The next answer, to a HEAD.
    pub(crate) async fn answer_to_head(&mut self) -> Answer {
        self.next(true).await.expect("an answer")
    }

    /// Whatever still comes until the server closes.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        // A reset is an end, too.
        let _read = soon(self.stream.read_to_end(&mut self.unread)).await;
        self.unread
    }

    /// The next answer; none where the server closes instead.
    pub(crate) async fn next(&mut self, bodiless: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: String::new() };
        if status == 100 {
            return Some(answer);
        }
        let length: usize = answer.header("content-length").parse().unwrap_or(0);
        if !bodiless && length > 0 {
            while self.unread.len() < length {
                self.more().await?;
            }
            answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        }
        Some(answer)
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let read = soon(self.stream.read(&mut buffer)).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..read]);
        (read > 0).then_some(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
