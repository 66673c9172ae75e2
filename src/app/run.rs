//! Serving and stopping: not ready, lame duck, no new connections, running requests finish.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic_health::server::HealthReporter;

use super::{Bound, grpc};
use crate::lifecycle::Readiness;
use crate::net::with_peer;

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Asked to stop, and drained.
    Drained,
    /// Asked twice, or a part ended by itself.
    Failed,
}

/// What asks the process to stop; heard from the moment that this is made.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Tasks that stop together; each gives its name.
#[derive(Debug, Default)]
struct Parts {
    tasks: JoinSet<&'static str>,
    stop: CancellationToken,
}

impl Parts {
    async fn drain(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            tracing::debug!(part = name(ended), "ended");
        }
    }
}

/// Serves all parts. `stop` stands for a signal.
pub(super) async fn serve(bound: Bound, stop: &CancellationToken) -> Ended {
    let Bound { shared, envoy, ops, store, cluster, reporter, shutdown, mut signals } = bound;
    // The doors end first; what they stand on, and what tells of them, after them.
    let (mut doors, mut behind) = (Parts::default(), Parts::default());
    if let Some((listener, service)) = envoy {
        let stop = doors.stop.clone();
        doors.tasks.spawn(async move {
            let cut = listener.serve(move |_| service.clone(), stop, shutdown.grace).await;
            if cut > 0 {
                tracing::warn!(connections = cut, "cut connections whose requests did not end in time");
            }
            "envoy door"
        });
    }
    let (listener, router) = ops;
    let stop_ops = behind.stop.clone();
    behind.tasks.spawn(async move {
        listener.serve(move |peer| with_peer(router.clone(), peer), stop_ops, Duration::from_secs(1)).await;
        "operations door"
    });
    if let Some(store) = store {
        let stop = behind.stop.clone();
        behind.tasks.spawn(async move {
            if let Err(error) = store.run(stop).await {
                tracing::error!(%error, "the store ended");
            }
            "store"
        });
    }
    if let Some(cluster) = cluster {
        behind.tasks.spawn(cluster.serve(behind.stop.clone()));
    }
    let readiness = shared.readiness.clone();
    behind.tasks.spawn(follow(readiness.clone(), reporter, behind.stop.clone()));

    let failed = tokio::select! {
        () = stop.cancelled() => None,
        () = signals.next() => None,
        Some(ended) = doors.tasks.join_next() => Some(name(ended)),
        Some(ended) = behind.tasks.join_next() => Some(name(ended)),
    };
    readiness.drain();
    match failed {
        Some(part) => tracing::error!(part, "a part ended by itself, the process drains"),
        None => tracing::info!("asked to stop, the process drains"),
    }
    // Proxies hear that we are on our way out, then the doors close, then the rest.
    let drain = async {
        tokio::time::sleep(shutdown.lame_duck).await;
        doors.drain().await;
        behind.drain().await;
    };
    tokio::select! {
        () = drain => if failed.is_none() { Ended::Drained } else { Ended::Failed },
        () = signals.next() => {
            tracing::warn!("asked to stop again, the process ends at once");
            Ended::Failed
        }
    }
}

fn name(ended: Result<&'static str, JoinError>) -> &'static str {
    ended.unwrap_or("a part that panicked")
}

/// gRPC health says what readiness says.
async fn follow(readiness: Readiness, reporter: HealthReporter, stop: CancellationToken) -> &'static str {
    let mut changes = readiness.watch();
    loop {
        let serving = changes.borrow_and_update().is_ready();
        grpc::set_serving(&reporter, serving).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            () = stop.cancelled() => break,
        }
    }
    "health"
}
