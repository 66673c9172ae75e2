//! Serving and stopping: not ready, lame duck, no new connections, running requests finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic_health::server::HealthReporter;

use super::keep::Kept;
use super::parts::Parts;
use super::{Bound, count, grpc};
use crate::catalog::Snapshots;
use crate::config::Review;
use crate::doors::vault::VaultService;
use crate::lifecycle::Readiness;
use crate::metrics::Metrics;
use crate::mount_notices::MountNotices;
use crate::net::{Bound as Listener, Budget, with_peer};
use crate::store::kubernetes::Lead;
use crate::verify::Verifier;

/// The least time between two looks for mounts that are new or gone, however often mounts and roles are published.
const LOOKS: Duration = Duration::from_millis(100);
/// The most time between two such looks.
const TIDY: Duration = Duration::from_secs(1);

/// At least this lies between two looks at the configs of mounts, however often they are published.
const CONFIG_PAUSE: Duration = Duration::from_millis(500);

/// What share of the process's connections a door gets, beside that of what is there for operators alone.
const DOOR: usize = 4;

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Asked to stop, and drained.
    Drained,
    /// Asked twice, or a part ended by itself.
    Failed,
}

/// SIGTERM and SIGINT, heard from the moment that everything is bound; and SIGHUP, which changes nothing.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Whoever has no use for SIGHUP leaves it to the terminal, and to `nohup`.
    pub(super) fn listen(with_hangup: bool) -> std::io::Result<Self> {
        let hangup = with_hangup.then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    /// The next signal that asks for the end.
    async fn next(&mut self) {
        let Self { terminate, interrupt, hangup } = self;
        let hung_up = async {
            while let Some(hangup) = hangup
                && hangup.recv().await.is_some()
            {
                tracing::info!(
                    "SIGHUP changes nothing: certificates and the store's file are read again when they change, \
                     the configuration at a start"
                );
            }
            std::future::pending().await
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hung_up => {}
        }
    }
}

/// Divides descriptors and memory among the doors and what is there for operators.
pub(super) fn divide_places(
    metrics: &Metrics,
    review: &Review,
    doors: [Option<&mut Listener>; 2],
    own: [Option<&mut Listener>; 2],
) -> Budget {
    let doors = doors.into_iter().flatten().map(|listener| (listener, DOOR));
    let mut all: Vec<_> = doors.chain(own.into_iter().flatten().map(|listener| (listener, 1))).collect();
    Budget::divide(&mut all, count(review.max_in_flight), metrics)
}

/// Serves all parts. `stop` stands for a signal.
pub(super) async fn serve(bound: Bound, stop: &CancellationToken) -> Ended {
    let (readiness, lame_duck) = (bound.shared.readiness.clone(), bound.shutdown.lame_duck);
    let (mut parts, mut signals) = start(bound);
    let asked = tokio::select! {
        () = stop.cancelled() => true,
        () = signals.next() => true,
        () = parts.ended() => false,
    };
    readiness.drain();
    tracing::info!(asked, "the process drains");
    tokio::select! {
        well = parts.drain(lame_duck) => if asked && well { Ended::Drained } else { Ended::Failed },
        () = signals.next() => {
            tracing::warn!("asked to stop again, the process ends at once");
            Ended::Failed
        }
    }
}

/// Starts what was bound. The doors end first; what they stand on, and what tells of them, after them.
fn start(bound: Bound) -> (Parts, Signals) {
    let Bound { shared, envoy, vault, ops, tidied, kept, cluster, lookout, reporter, .. } = bound;
    let (shutdown, signals) = (bound.shutdown, bound.signals);
    let mut parts = Parts::default();
    if let Some((listener, service)) = envoy {
        parts.door("envoy door", |stop| async move {
            listener.serve(move |peer| service.connection(peer), stop, shutdown.grace).await;
        });
    }
    if let Some((listener, door)) = vault {
        parts.door("vault door", |stop| async move {
            listener
                .serve(move |peer| VaultService::new(Arc::clone(&door), peer), stop, shutdown.grace)
                .await;
        });
    }
    let Kept { tokens, feed, lead, .. } = kept;
    let leads = move || lead.as_ref().is_none_or(Lead::leads);
    parts.behind("client tokens", |stop| tokens.collect_while(leads, stop));
    let (listener, router) = ops;
    parts.behind("operations door", |stop| async move {
        listener.serve(move |peer| with_peer(router.clone(), peer), stop, Duration::from_secs(1)).await;
    });
    if let Some(feed) = feed {
        parts.behind("store", |stop| feed.run(stop));
    }
    if let Some(cluster) = cluster {
        parts.behind("stand-in cluster", |stop| cluster.serve(stop));
    }
    if let Some(lookout) = lookout {
        parts.behind("lookout", |stop| lookout.run(stop));
    }
    let snapshots = shared.snapshots;
    parts.behind("mount configs", |stop| watch_configs(shared.notices, snapshots.clone(), stop));
    parts.behind("verifier", |stop| tidy(tidied, snapshots, stop));
    let doors_close = parts.doors_close();
    parts.behind("health", |stop| follow(shared.readiness, reporter, doors_close, stop));
    (parts, signals)
}

/// Shows the verifier each new set of mounts, so that it reads the keys of those that are new, and lets go what it holds
/// of those that are gone; keeps descriptors back for those that are there.
async fn tidy((verifier, budget): (Verifier, Budget), snapshots: Snapshots, stop: CancellationToken) {
    let mut publications = snapshots.publications();
    let look = async {
        loop {
            publications.mark_unchanged();
            if let Some(set) = snapshots.load() {
                verifier.keep_only(&set);
                budget.reserve_for(set.mounts.len());
            }
            tokio::time::sleep(LOOKS).await;
            // Its sender is in `snapshots`.
            let _published_or_late = tokio::time::timeout(TIDY, publications.changed()).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = look => {}
    }
}

/// Says what is odd about the configs of mounts, whoever published them.
async fn watch_configs(notices: MountNotices, snapshots: Snapshots, stop: CancellationToken) {
    let mut publications = snapshots.publications();
    // What was published before this began counts as well.
    publications.mark_changed();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = publications.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        if let Some(set) = snapshots.load() {
            let notices = notices.clone();
            let _ended = tokio::task::spawn_blocking(move || notices.loaded(&set)).await;
        }
        if tokio::time::timeout(CONFIG_PAUSE, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// gRPC health says what readiness says. Who watches it is let go when the doors close: a watch has no end of its
/// own, and would hold its connection until it is cut.
async fn follow(
    readiness: Readiness,
    mut reporter: HealthReporter,
    doors_close: CancellationToken,
    stop: CancellationToken,
) {
    let mut changes = readiness.watch();
    loop {
        let serving = changes.borrow_and_update().is_ready();
        grpc::set_serving(&reporter, serving).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            () = doors_close.cancelled() => break,
        }
    }
    doors_close.cancelled().await;
    grpc::end_watches(&mut reporter).await;
    stop.cancelled().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;

    use super::{Ended, serve};
    use crate::app::dev::{DevOptions, bind};

    #[tokio::test]
    async fn who_watches_health_hears_of_the_stop_and_does_not_hold_it_up() {
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let folder = tempfile::tempdir().unwrap();
        let options = DevOptions {
            envoy: free,
            vault: free,
            ops: free,
            cluster: free,
            root_token: "root".to_owned().into(),
        };
        let bound = bind(options, folder.path().to_owned()).await.unwrap();
        let addr = bound.envoy.as_ref().unwrap().0.local_addr();
        let stop = CancellationToken::new();
        let served = tokio::spawn({
            let stop = stop.clone();
            async move { serve(bound, &stop).await }
        });

        let mut client = HealthClient::new(
            tonic::transport::Endpoint::new(format!("http://{addr}")).unwrap().connect().await.unwrap(),
        );
        let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        let soon = Duration::from_secs(60);
        let test = async {
            while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
            stop.cancel();
            while let Some(answer) = watch.message().await.unwrap() {
                assert_eq!(answer.status(), ServingStatus::NotServing);
            }
            served.await.unwrap()
        };
        // The grace period is shorter than this, but whoever is cut gets an error and not an end.
        assert_eq!(tokio::time::timeout(soon, test).await.unwrap(), Ended::Drained);
    }
}
