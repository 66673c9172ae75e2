//! From accepting to the end of the drain.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::noted;
use super::bound::Bound;
use super::connection::{End, speak};
use super::not_tls;
use super::occupancy::{Occupancy, Seat};
use super::patience::Patience;
use super::refused::Refused;
use super::reload::Tls;
use super::spawn::Tracked;
use super::{Limits, Peer, Protocol};
use crate::health::Health;

/// How long to wait when the process has no file descriptors or memory for another connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Silence on a connection after which the kernel asks whether the peer is still there, and between two such questions.
const TCP_KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// How long tasks of connections that were cut may take to notice.
const CUT: Duration = Duration::from_secs(1);

impl Bound {
    /// Serves until `stop`, then drains: the listener closes, each connection takes no more requests, those that
    /// run have `grace` to finish, the rest is cut. A connection without a running request is waited for a few seconds
    /// at most, one that never sent a request a second. Returns the number of connections that were cut.
    ///
    /// `make` gives each connection its service.
    pub async fn serve<M, S, B>(self, make: M, stop: CancellationToken, grace: Duration) -> usize
    where
        M: Fn(Peer) -> S,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
            + Send
            + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let Self { name, listener, tls, protocol, limits, places, metrics, health, on_refused, .. } = self;
        let cut = CancellationToken::new();
        let tasks = TaskTracker::new();
        let occupancy = Occupancy::new(
            name,
            places,
            tls.as_ref().is_some_and(Tls::needs_certificate),
            Patience { greeting: limits.handshake.min(limits.headers), idle: limits.headers },
            metrics.map(|metrics| metrics.listener(name)).unwrap_or_default(),
            health.clone(),
        );
        let start = |stream: TcpStream, peer: SocketAddr| {
            let (stop, cut) = (stop.child_token(), cut.child_token());
            let Some(seat) = occupancy.enter(peer.ip(), tls.is_some(), stop.clone(), cut.clone()) else {
                return;
            };
            let connection = Connection {
                stream,
                tls: tls.clone(),
                protocol,
                limits,
                spawn: Tracked(tasks.clone()),
                end: End { stop, cut },
                refused: on_refused.of_connection(Peer(peer)),
                seat,
            };
            tasks.spawn(connection.run(make(Peer(peer))));
        };
        {
            let mut reload = pin!(reload(tls.clone(), limits.reload));
            let accepting = accept(name, &health, &listener, &occupancy, start);
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = &mut reload => {}
                () = occupancy.keep() => {}
                () = accepting => {}
            }
        }
        close(listener, &occupancy, start);

        tasks.close();
        let ended = tokio::time::timeout(grace, async {
            tokio::select! {
                () = tasks.wait() => {}
                () = occupancy.drain() => {}
            }
        });
        if ended.await.is_ok() {
            return 0;
        }
        let open = occupancy.connections();
        tracing::warn!(listener = name, connections = open, "the grace period is over, connections are cut");
        cut.cancel();
        if tokio::time::timeout(CUT, tasks.wait()).await.is_err() {
            tracing::warn!(listener = name, tasks = tasks.len(), "tasks of cut connections still run");
        }
        open
    }
}

/// Takes connections for ever, also where all places are taken: the kernel hands out its backlog in the order of
/// arrival, so that newcomers would wait behind whoever has filled it.
async fn accept(
    name: &'static str,
    health: &Health,
    listener: &TcpListener,
    occupancy: &Occupancy,
    start: impl Fn(TcpStream, SocketAddr),
) {
    let subject = format!("listener {name}");
    let mut failing = false;
    loop {
        occupancy.descriptor().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                if failing {
                    health.recovered(&subject);
                    failing = false;
                }
                start(stream, peer);
            }
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                if health.trouble(&subject, &format!("cannot take connections: {error}")) {
                    tracing::warn!(listener = name, %error, "cannot take connections, trying on");
                }
                failing = true;
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// Takes what the kernel has accepted for us already, so that no client is reset, and closes the listener.
fn close(listener: TcpListener, occupancy: &Occupancy, start: impl Fn(TcpStream, SocketAddr)) {
    let Ok(listener) = listener.into_std() else { return };
    while occupancy.has_descriptor()
        && let Ok((stream, peer)) = listener.accept()
        && stream.set_nonblocking(true).is_ok()
        && let Ok(stream) = TcpStream::from_std(stream)
    {
        start(stream, peer);
    }
}

/// Follows the certificate files; without any, waits for ever.
async fn reload(tls: Option<Tls>, every: Duration) {
    match tls {
        Some(tls) => tls.watch(every).await,
        None => std::future::pending().await,
    }
}

/// Errors of `accept` that the connection brought along, not the listener.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// An accepted connection, and its place among those that are open.
struct Connection {
    stream: TcpStream,
    tls: Option<Tls>,
    protocol: Protocol,
    limits: Limits,
    spawn: Tracked,
    end: End,
    refused: Option<Refused>,
    seat: Seat,
}

impl Connection {
    async fn run<S, B>(self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
            + Send
            + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let Self { stream, tls, protocol, limits, spawn, end, refused, seat } = self;
        let service = noted(service, Arc::clone(&seat.activity));
        // Neither changes what is served, so a socket that refuses is served as it is.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&TCP_KEEPALIVE);
        match tls {
            None => speak(stream, service, protocol, limits, spawn, end, refused).await,
            Some(tls) => {
                let handshake = tokio::time::timeout(limits.handshake, shake_hands(stream, &tls));
                match end.cut.run_until_cancelled(handshake).await {
                    Some(Ok(Ok(Some(stream)))) => {
                        seat.activity.shook_hands();
                        speak(stream, service, protocol, limits, spawn, end, refused).await;
                    }
                    Some(Ok(Ok(None))) => tracing::debug!("a client spoke HTTP without TLS"),
                    Some(Ok(Err(error))) => tracing::debug!(%error, "a TLS handshake failed"),
                    Some(Err(_)) => tracing::debug!("a TLS handshake took too long"),
                    None => {}
                }
            }
        }
        drop(seat);
    }
}

/// TLS; none: the client does not speak it, and was told.
async fn shake_hands(stream: TcpStream, tls: &Tls) -> io::Result<Option<TlsStream<TcpStream>>> {
    if not_tls::is_http(&stream).await? {
        not_tls::refuse(stream).await?;
        return Ok(None);
    }
    tls.acceptor().accept(stream).await.map(Some)
}
