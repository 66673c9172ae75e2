//! One connection to an API server, for one question at a time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::exchange::{ExchangeError, whole};

/// A question, whole.
pub(super) type Question = Request<Full<Bytes>>;

/// Plain or encrypted.
pub(super) type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// A connection, driven by whoever asks over it: no task of its own has to be woken for a question and for its answer.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Connection<TokioIo<Stream>, Full<Bytes>>>,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// The connection had ended before, nothing of the question was sent.
    Unsent(Box<Question>),
    /// Something else.
    Broken(ExchangeError),
}

impl Wire {
    pub(super) async fn open(stream: Stream) -> hyper::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: Some(connection) })
    }

    /// The whole answer, whatever its status. Where this is given up half-way the connection is good for nothing more.
    pub(super) async fn ask(&mut self, question: Question) -> Result<(StatusCode, Bytes), Failure> {
        let Self { sender, connection } = self;
        let asked = async {
            match sender.try_send_request(question).await {
                Ok(response) => whole(response).await.map_err(Failure::Broken),
                Err(mut failed) => Err(match failed.take_message() {
                    Some(question) => Failure::Unsent(Box::new(question)),
                    None => Failure::Broken(ExchangeError::Unreachable(failed.into_error().into())),
                }),
            }
        };
        let mut asked = pin!(asked);
        poll_fn(|context| {
            // One way what is asked goes out, the other way what has come in is read; more of either wakes the context.
            for _ in 0..2 {
                if connection.as_mut().is_some_and(|live| Pin::new(live).poll(context).is_ready()) {
                    *connection = None;
                }
                if let Poll::Ready(answer) = asked.as_mut().poll(context) {
                    return Poll::Ready(answer);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Whether another question may follow.
    pub(super) fn is_good(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }
}
