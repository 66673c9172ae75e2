//! From accepting to the end of the drain.

use std::convert::Infallible;
use std::error::Error;
use std::io;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bound::Bound;
use super::connection::{End, speak};
use super::not_tls;
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
    /// run have `grace` to finish, the rest is cut. Returns the number of connections that were cut.
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
        let Self { name, listener, tls, protocol, limits, health, on_refused, .. } = self;
        let cut = CancellationToken::new();
        let tasks = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(limits.connections));
        let start = |stream: TcpStream, slot: OwnedSemaphorePermit| {
            let Ok(peer) = stream.peer_addr() else { return };
            let connection = Connection {
                stream,
                tls: tls.clone(),
                protocol,
                limits,
                spawn: Tracked(tasks.clone()),
                end: End { stop: stop.child_token(), cut: cut.clone() },
                refused: on_refused.of_connection(Peer(peer)),
                slot,
            };
            tasks.spawn(connection.run(make(Peer(peer))));
        };
        {
            let mut reload = pin!(reload(tls.clone(), limits.reload));
            let accepting = accept(name, &health, &listener, &slots, start);
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = &mut reload => {}
                () = accepting => {}
            }
        }
        close(listener, &slots, start);

        tasks.close();
        if tokio::time::timeout(grace, tasks.wait()).await.is_ok() {
            return 0;
        }
        let open = limits.connections - slots.available_permits();
        tracing::warn!(listener = name, connections = open, "the grace period is over, connections are cut");
        cut.cancel();
        if tokio::time::timeout(CUT, tasks.wait()).await.is_err() {
            tracing::warn!(listener = name, tasks = tasks.len(), "tasks of cut connections still run");
        }
        open
    }
}

/// Takes connections for ever.
async fn accept(
    name: &'static str,
    health: &Health,
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    start: impl Fn(TcpStream, OwnedSemaphorePermit),
) {
    let subject = format!("listener {name}");
    let mut failing = false;
    while let Ok(slot) = Arc::clone(slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                if failing {
                    health.recovered(&subject);
                    failing = false;
                }
                start(stream, slot);
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
fn close(listener: TcpListener, slots: &Arc<Semaphore>, start: impl Fn(TcpStream, OwnedSemaphorePermit)) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok(slot) = Arc::clone(slots).try_acquire_owned()
        && let Ok((stream, _)) = listener.accept()
        && stream.set_nonblocking(true).is_ok()
        && let Ok(stream) = TcpStream::from_std(stream)
    {
        start(stream, slot);
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
    slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn run<S, B>(self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let Self { stream, tls, protocol, limits, spawn, end, refused, slot } = self;
        // Neither changes what is served, so a socket that refuses is served as it is.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&TCP_KEEPALIVE);
        match tls {
            None => speak(stream, service, protocol, limits, spawn, end, refused).await,
            Some(tls) => {
                let handshake = tokio::time::timeout(limits.handshake, shake_hands(stream, &tls));
                match end.cut.run_until_cancelled(handshake).await {
                    Some(Ok(Ok(Some(stream)))) => {
                        speak(stream, service, protocol, limits, spawn, end, refused).await
                    }
                    Some(Ok(Ok(None))) => tracing::debug!("a client spoke HTTP without TLS"),
                    Some(Ok(Err(error))) => tracing::debug!(%error, "a TLS handshake failed"),
                    Some(Err(_)) => tracing::debug!("a TLS handshake took too long"),
                    None => {}
                }
            }
        }
        drop(slot);
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
