//! One connection to an API server, for one question at a time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::exchange::{ExchangeError, whole};
use crate::waking::{Bell, Sleeper};

/// A question, whole.
pub(super) type Question = Request<Full<Bytes>>;

/// Plain or encrypted.
pub(super) type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// How often the two sides of a connection are polled before others have their turn; a question takes six.
const ROUNDS: usize = 64;

/// A connection, driven by whoever asks over it: no task of its own has to be woken for a question and for its answer.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Connection<TokioIo<Stream>, Full<Bytes>>>,
    sleeper: Arc<Sleeper>,
    /// The one who asks is to be polled.
    asks: Arc<Bell>,
    /// The connection is to be polled.
    moves: Arc<Bell>,
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
        // A question's head and body in one buffer: the copy costs less than a system call that takes two.
        let (sender, connection) = Builder::new().writev(false).handshake(TokioIo::new(stream)).await?;
        let sleeper = Arc::new(Sleeper::default());
        let (asks, moves) = (Bell::new(&sleeper), Bell::new(&sleeper));
        Ok(Self { sender, connection: Some(connection), sleeper, asks, moves })
    }

    /// The whole answer, whatever its status. Where this is given up half-way the connection is good for nothing more.
    pub(super) async fn ask(&mut self, question: Question) -> Result<(StatusCode, Bytes), Failure> {
        let Self { sender, connection, sleeper, asks, moves } = self;
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
        let wakers = [&*asks, &*moves].map(|bell| Waker::from(Arc::clone(bell)));
        asks.set();
        moves.set();
        poll_fn(|context| {
            sleeper.wakes(context.waker());
            let [mut asks_context, mut moves_context] = wakers.each_ref().map(Context::from_waker);
            for _ in 0..ROUNDS {
                if asks.take() {
                    if let Poll::Ready(answer) = asked.as_mut().poll(&mut asks_context) {
                        return Poll::Ready(answer);
                    }
                } else if moves.take() {
                    if connection
                        .as_mut()
                        .is_some_and(|live| Pin::new(live).poll(&mut moves_context).is_ready())
                    {
                        *connection = None;
                    }
                } else if sleeper.sleeps(&[asks, moves]) {
                    return Poll::Pending;
                }
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Whether another question may follow.
    pub(super) fn is_good(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }
}
