//! One connection: HTTP on it, from the first byte to the last answer.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::answer::Followed;
use super::reads::Turn;
use super::refused::Refused;
use super::spawn::Tracked;
use super::stream::Stream;
use super::{Limits, Peer, Protocol};
use crate::waking::AtOnce;

/// Requests that were reset before they were accepted, beyond which h2 ends the connection. Never reached: a turn reads at
/// most [`PER_TURN`](super::reads::PER_TURN) and one read beyond it, and all requests in it are accepted before the next.
const PENDING_RESETS: usize = 16 * 1024;

/// How long a peer whose connection was taken just before the stop may take to say what it speaks.
const GREETING_AT_STOP: Duration = Duration::from_secs(1);

/// Makes what [`Bound::serve`](super::Bound::serve) takes of a tower service, such as an axum router;
/// the [`Peer`] is in the extensions of each request.
pub fn with_peer<T, B>(
    service: T,
    peer: Peer,
) -> impl Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send
where
    T: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    TowerToHyperService::new(service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request
    }))
}

/// How a connection ends that does not end by itself.
pub(super) struct End {
    /// It takes no more requests, and ends when those that run have ended.
    pub(super) stop: CancellationToken,
    /// It ends at once. Nothing is cut that was not stopped before.
    pub(super) cut: CancellationToken,
}

/// Speaks HTTP on a stream until it ends.
pub(super) async fn speak<IO, S, B>(
    io: IO,
    service: S,
    protocol: Protocol,
    limits: Limits,
    spawn: Tracked,
    end: End,
    refused: Option<Refused>,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let turn = Turn::new();
    let io = TokioIo::new(Stream::new(io, limits.headers, turn.clone()).with_refused(refused));
    let builder = builder(protocol, limits, spawn);
    let connection = pin!(builder.serve_connection(io, Followed(service)));
    drive(connection, |connection| connection.graceful_shutdown(), &turn, &end).await;
}

/// A connection's own errors (resets, broken frames, silence) are its peer's affair: traced, not logged.
async fn drive<C, E>(mut connection: Pin<&mut C>, shut_down: impl FnOnce(Pin<&mut C>), turn: &Turn, end: &End)
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    // HTTP/1 wakes its own task for each body.
    let at_once = AtOnce::default();
    let poll = |connection: &mut Pin<&mut C>, context: &mut Context<'_>| {
        let mut in_turns = poll_fn(|context| {
            turn.begin();
            connection.as_mut().poll(context)
        });
        at_once.poll(Pin::new(&mut in_turns), context)
    };
    let ended = tokio::select! {
        biased;
        ended = poll_fn(|context| poll(&mut connection, context)) => ended,
        () = end.stop.cancelled() => {
            // Until it is known what the peer speaks, shutting down forgets what it has sent.
            let mut until = pin!(tokio::time::sleep(GREETING_AT_STOP));
            let early = poll_fn(|context| match poll(&mut connection, context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if turn.has_spoken() => Poll::Ready(None),
                Poll::Pending => until.as_mut().poll(context).map(|()| None),
            });
            match end.cut.run_until_cancelled(early).await {
                Some(None) => {}
                Some(Some(Ok(()))) | None => return,
                Some(Some(Err(error))) => {
                    tracing::trace!(%error, "a connection broke");
                    return;
                }
            }
            shut_down(connection.as_mut());
            let rest = poll_fn(|context| poll(&mut connection, context));
            match end.cut.run_until_cancelled(rest).await {
                Some(ended) => ended,
                None => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke");
    }
}

fn builder(protocol: Protocol, limits: Limits, spawn: Tracked) -> auto::Builder<Tracked> {
    let mut builder = auto::Builder::new(spawn);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(protocol != Protocol::Grpc)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        // None: h2 counts over the life of a connection, and ends it, and with it the requests of all callers whom a proxy
        // sends over it. `Stream` bounds what the resets may hold: h2 sends those of a turn at its end, and no more is
        // read while the peer does not read.
        .max_local_error_reset_streams(None)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1);
    builder
}
