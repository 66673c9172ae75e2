//! One HTTP/2 connection whose requests are put together byte by byte.

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Collected, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Served, soon};

/// A message behind gRPC's header.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag][..], &length, message].concat().into()
}

/// A call that has begun.
pub(crate) struct Call {
    /// Where its message goes in; dropped: the message ends.
    pub(crate) body: mpsc::Sender<Bytes>,
    response: tokio::task::JoinHandle<Response<Incoming>>,
}

impl Call {
    /// A call of Check; `grpc-timeout` and more come with `change`.
    pub(crate) async fn begin(served: &Served, change: impl FnOnce(&mut Request<()>)) -> Self {
        let mut head =
            Request::post(format!("http://{}/envoy.service.auth.v3.Authorization/Check", served.addr))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(())
                .unwrap();
        change(&mut head);
        let io = TokioIo::new(soon(TcpStream::connect(served.addr)).await.unwrap());
        let (mut sender, connection) = soon(http2::handshake(TokioExecutor::new(), io)).await.unwrap();
        tokio::spawn(connection);
        let (body, pieces) = mpsc::channel::<Bytes>(8);
        let frames = futures_util::stream::unfold(pieces, async |mut pieces| {
            let piece = pieces.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(Frame::data(piece)), pieces))
        });
        let request = head.map(|()| StreamBody::new(Box::pin(frames)));
        let response = tokio::spawn(async move { sender.send_request(request).await.unwrap() });
        Self { body, response }
    }

    pub(crate) async fn send(&mut self, bytes: impl Into<Bytes>) {
        soon(self.body.send(bytes.into())).await.unwrap();
    }

    /// Ends the message, and waits for the answer.
    pub(crate) async fn finish(self) -> Answer {
        drop(self.body);
        Answer::of(soon(self.response).await.unwrap()).await
    }

    /// Waits for the answer to a message that does not end.
    pub(crate) async fn unfinished(self) -> (Answer, mpsc::Sender<Bytes>) {
        (Answer::of(soon(self.response).await.unwrap()).await, self.body)
    }
}

/// All of an answer.
pub(crate) struct Answer {
    /// `grpc-status`, from headers or trailers.
    pub(crate) status: String,
    body: Bytes,
}

impl Answer {
    async fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let (head, body) = response.into_parts();
        let body: Collected<Bytes> = soon(body.collect()).await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        let status = head.headers.get("grpc-status").or_else(|| trailers.get("grpc-status"));
        let status = status.expect("a status").to_str().unwrap().to_owned();
        Self { status, body: body.to_bytes() }
    }

    /// The one message of the answer.
    pub(crate) fn message(&self) -> CheckResponse {
        assert_eq!(self.status, "0");
        let (header, message) = self.body.split_at(5);
        assert_eq!(framed(0, message).split_at(5).0, header);
        CheckResponse::decode(message).unwrap()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }
}
