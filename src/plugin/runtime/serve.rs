//! The connections of a core: TLS, then HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::service::Plugin;

/// Connections at one time. A core needs one; another may be under way when it connects anew.
const CONNECTIONS: usize = 64;

/// Calls at one time on a connection. All mounts share one, and a login may wait long for its API server.
const CALLS: u32 = 4096;

/// How long a peer may take to show its certificate.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait where the operating system has no connection to give.
const BREATH: Duration = Duration::from_millis(100);

/// Answers every connection for as long as it is polled; all end with it.
pub(super) async fn serve(listener: &UnixListener, tls: &Arc<ServerConfig>, plugin: Plugin) {
    let acceptor = TlsAcceptor::from(Arc::clone(tls));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, acceptor.clone(), plugin.clone(), place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: UnixStream, acceptor: TlsAcceptor, plugin: Plugin, _place: OwnedSemaphorePermit) {
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a peer that is not the core was refused");
            return;
        }
        Err(_) => {
            tracing::warn!("a peer was refused that has shown no certificate in time");
            return;
        }
    };
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(CALLS)
        .serve_connection(TokioIo::new(stream), plugin);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection of the core broke");
    }
}
