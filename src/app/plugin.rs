//! `rolegate plugin`: a process that a Vault or OpenBao core has started, from its variables to its end.

mod by_hand;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::SystemClock;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::plugin::backend::Plugin;
use crate::plugin::handshake::{Handshake, HandshakeError};
use crate::plugin::memory;
use crate::plugin::runtime::{self, Ended};
use crate::plugin::seam::Backends;
use crate::plugin::socket::{Socket, SocketError};
use crate::plugin::tls::{Tls, TlsError};
use crate::ports::Clock;
use crate::record::Recorder;
use crate::verify::{LocalCluster, Settings, Verifier};

pub use crate::plugin::handshake::is_started_by_core;
pub use by_hand::hints;

/// Why a core is not served.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// What the core says is not good.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The core wants memory locked, and it cannot be.
    #[error("the core asks for locked memory, which needs the capability `IPC_LOCK`")]
    Memory(#[source] std::io::Error),
    /// No certificate can be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Signals cannot be heard.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// The core does not hear where the socket is.
    #[error("nothing can be written on standard output")]
    Line(#[source] std::io::Error),
}

/// Serves the core whose variables `variable` gives, until it asks for the end, goes away, or SIGTERM comes.
///
/// # Errors
/// Where the core cannot be served; it has been told nothing then.
pub async fn run(variable: impl Fn(&str) -> Option<String>, temporary: PathBuf) -> Result<(), PluginError> {
    let handshake = Handshake::read(&variable)?;
    serve(&handshake, temporary, backends(variable("KUBERNETES_SERVICE_HOST"))).await
}

/// What answers a mount's requests. `service_host` is the API server's address where the core runs in a pod.
fn backends(service_host: Option<String>) -> Arc<dyn Backends> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let local = LocalCluster { service_host, ..LocalCluster::default() };
    let settings = Settings { local, ..Settings::default() };
    // Nobody can ask for them: their doors are not open here, and the log tells the same.
    let (metrics, health) = (Metrics::default(), Health::default());
    let verifier = Verifier::new(settings, Arc::clone(&clock), metrics.clone(), health);
    Arc::new(Plugin::new(verifier, clock, Recorder::new(metrics)))
}

async fn serve(
    handshake: &Handshake,
    temporary: PathBuf,
    backends: Arc<dyn Backends>,
) -> Result<(), PluginError> {
    // What a terminal sends goes to the core as well, which knows what to do: caught here, and ignored.
    let _ignored = (listened(SignalKind::interrupt())?, listened(SignalKind::hangup())?);
    let mut terminate = listened(SignalKind::terminate())?;
    if handshake.lock_memory {
        memory::lock().map_err(PluginError::Memory)?;
    }
    let tls = Tls::with(handshake.core_certificate.clone())?;
    let directory = handshake.socket_directory.clone().unwrap_or(temporary);
    let socket = Socket::listen(&directory, handshake.socket_group.as_deref())?;
    let core_version = handshake.core_version.as_deref().unwrap_or("unknown");
    tracing::info!(version = env!("CARGO_PKG_VERSION"), core_version, "serving a core");
    say(&handshake.answer(socket.path(), &tls.certificate)).map_err(PluginError::Line)?;
    tokio::select! {
        ended = runtime::serve(&socket, &tls, backends) => match ended {
            Ended::Asked => tracing::debug!("the core has asked for the end"),
            Ended::CoreGone => tracing::info!("the core has gone away"),
            Ended::NeverAsked => tracing::warn!("the core has started this process and not spoken to it"),
        },
        _ = terminate.recv() => tracing::info!("stopped by a signal"),
    }
    Ok(())
}

fn listened(kind: SignalKind) -> Result<Signal, PluginError> {
    signal(kind).map_err(PluginError::Signals)
}

/// The one line on standard output.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
