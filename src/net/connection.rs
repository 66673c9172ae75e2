//! One connection: HTTP on it, from the first byte to the last answer.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::spawn::Tracked;
use super::stream::Stream;
use super::{Limits, Peer, Protocol};
use crate::waking::AtOnce;

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
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let io = TokioIo::new(Stream::new(io, limits.headers));
    match protocol {
        Protocol::Http2Only => {
            let connection = http2_builder(limits, spawn).serve_connection(io, service);
            drive(connection, |connection| connection.graceful_shutdown(), &end).await;
        }
        Protocol::Http1AndHttp2 => {
            let builder = auto_builder(limits, spawn);
            let connection = builder.serve_connection(io, service);
            drive(connection, |connection| connection.graceful_shutdown(), &end).await;
        }
    }
}

/// A connection's own errors (resets, broken frames, silence) are its peer's affair: traced, not logged.
async fn drive<C, E>(connection: C, shut_down: impl FnOnce(Pin<&mut C>), end: &End)
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    // HTTP/1 wakes its own task for each body.
    let (mut connection, at_once) = (pin!(connection), AtOnce::default());
    let ended = tokio::select! {
        biased;
        ended = poll_fn(|context| at_once.poll(connection.as_mut(), context)) => ended,
        () = end.stop.cancelled() => {
            shut_down(connection.as_mut());
            let rest = poll_fn(|context| at_once.poll(connection.as_mut(), context));
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

fn http2_builder(limits: Limits, spawn: Tracked) -> http2::Builder<Tracked> {
    let mut builder = http2::Builder::new(spawn);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1);
    builder
}

fn auto_builder(limits: Limits, spawn: Tracked) -> auto::Builder<Tracked> {
    let mut builder = auto::Builder::new(spawn);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1);
    builder
}
