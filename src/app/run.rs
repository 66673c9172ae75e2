//! Serving and stopping: not ready, lame duck, no new connections, running requests finish.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
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

/// Serves all parts. `stop` stands for a signal.
pub(super) async fn serve(bound: Bound, stop: &CancellationToken) -> Ended {
    let Bound { shared, envoy, ops, store, cluster, reporter, shutdown } = bound;
    let (doors, behind) = (CancellationToken::new(), CancellationToken::new());
    let mut parts: JoinSet<&'static str> = JoinSet::new();
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot listen for signals");
        return Ended::Failed;
    };

    // The doors end first; what they stand on, and what tells of them, after them.
    if let Some((listener, service)) = envoy {
        let stop = doors.clone();
        parts.spawn(async move {
            let cut = listener.serve(move |_| service.clone(), stop, shutdown.grace).await;
            if cut > 0 {
                tracing::warn!(connections = cut, "cut connections whose requests did not end in time");
            }
            "envoy door"
        });
    }
    let (listener, router) = ops;
    let stop_ops = behind.clone();
    parts.spawn(async move {
        listener.serve(move |peer| with_peer(router.clone(), peer), stop_ops, Duration::from_secs(1)).await;
        "operations door"
    });
    if let Some(store) = store {
        let stop = behind.clone();
        parts.spawn(async move {
            if let Err(error) = store.run(stop).await {
                tracing::error!(%error, "the store ended");
            }
            "store"
        });
    }
    if let Some(cluster) = cluster {
        parts.spawn(cluster.serve(behind.clone()));
    }
    let readiness = shared.readiness.clone();
    parts.spawn(follow(readiness.clone(), reporter, behind.clone()));

    let failed = tokio::select! {
        () = stop.cancelled() => None,
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = parts.join_next() => Some(name(ended)),
    };
    readiness.drain();
    match failed {
        Some(part) => tracing::error!(part, "a part ended by itself, the process drains"),
        None => tracing::info!("asked to stop, the process drains"),
    }
    let drained = tokio::select! {
        () = drain(&mut parts, &doors, &behind, shutdown.lame_duck) => true,
        () = again(&mut terminate, &mut interrupt) => false,
    };
    match (drained, failed) {
        (true, None) => Ended::Drained,
        (true, Some(_)) => Ended::Failed,
        (false, _) => {
            tracing::warn!("asked to stop again, the process ends at once");
            Ended::Failed
        }
    }
}

/// Proxies hear that we are on our way out, then the doors close, then the rest.
async fn drain(
    parts: &mut JoinSet<&'static str>,
    doors: &CancellationToken,
    behind: &CancellationToken,
    lame_duck: Duration,
) {
    tokio::time::sleep(lame_duck).await;
    doors.cancel();
    while parts.len() > 0 {
        match name(parts.join_next().await) {
            "envoy door" => behind.cancel(),
            part => tracing::debug!(part, "ended"),
        }
    }
}

fn name(ended: Option<Result<&'static str, tokio::task::JoinError>>) -> &'static str {
    match ended {
        Some(Ok(name)) => name,
        Some(Err(_)) => "a part that panicked",
        None => "no part",
    }
}

async fn again(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
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
