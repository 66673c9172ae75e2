//! HTTP/2 frame by frame (RFC 9113), for what no client library sends.

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::raw::framed;
use crate::support::{Served, soon};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A frame as it is sent.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The start of a gRPC call.
pub(crate) fn call(stream: u32, path: &str, authority: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // `:method: POST` and `:scheme: http` by their numbers in HPACK's static table, everything else as texts.
    let mut block = vec![0x83, 0x86];
    let fixed = [
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in fixed.iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// The one message of a call.
pub(crate) fn message(stream: u32, message: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, &framed(0, message))
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// A connection to the door.
pub(crate) struct Connection(TcpStream);

impl Connection {
    /// `window` is what each stream of the server may send, none: the default of 65,535 bytes.
    pub(crate) async fn open(served: &Served, window: Option<u32>) -> Self {
        let stream = soon(TcpStream::connect(served.addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut settings = Vec::new();
        if let Some(window) = window {
            settings.extend(4_u16.to_be_bytes());
            settings.extend(window.to_be_bytes());
        }
        let mut connection = Self(stream);
        let hello = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &settings)].concat();
        connection.send(&hello).await;
        connection
    }

    /// Reads meanwhile, for the server may wait for that.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon(self.0.write_all(bytes)).await.unwrap();
    }

    /// The next frame; none: the connection ended.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        soon(self.0.read_exact(&mut head)).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        soon(self.0.read_exact(&mut payload)).await.ok()?;
        let frame = Frame { kind, flags, stream: u32::from_be_bytes(stream), payload };
        assert_ne!(frame.kind, GOAWAY, "the connection is ended: {frame:?}");
        Some(frame)
    }

    /// The next frame of this kind on a stream.
    pub(crate) async fn expect(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("no frame {kind} on {stream}"));
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// The answer to a Check, whose message may come in several frames.
    pub(crate) async fn answer(&mut self, stream: u32) -> CheckResponse {
        let mut message = Vec::new();
        loop {
            let frame = self.next().await.expect("an answer");
            if frame.stream != stream {
                continue;
            }
            assert!([HEADERS, DATA].contains(&frame.kind), "{frame:?}");
            if frame.kind == DATA {
                message.extend(frame.payload);
            }
            if frame.flags & END_STREAM != 0 {
                return CheckResponse::decode(&message[5..]).unwrap();
            }
        }
    }

    /// Waits until the server has taken in all that was sent.
    pub(crate) async fn ping(&mut self) {
        self.send(&frame(PING, 0, 0, b"question")).await;
        while !matches!(self.next().await.expect("a pong"), Frame { kind: PING, flags: ACK, .. }) {}
    }
}
