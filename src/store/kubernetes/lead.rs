//! Which replica does what only one should do: the holder of the Lease `rolegate`.

use std::time::Duration;

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The name of the Lease.
const LEASE: &str = "rolegate";

/// For how many seconds the Lease is held, and how many before its end it is renewed.
const HELD: u64 = 15;
const RENEWED_BEFORE: u64 = 10;

/// Between two attempts, where the API server is away or the Lease is not to be had.
const PAUSE: Duration = Duration::from_secs(5);

/// How long the Lease's release may take when the process stops.
const RELEASE: Duration = Duration::from_secs(2);

/// Whether this replica holds the Lease. Cheap to clone.
///
/// Two replicas may both believe so for seconds, where the API server does not answer one of them: whoever relies on
/// it also needs writes that ask for the version that they have read.
#[derive(Debug, Clone)]
pub struct Lead(watch::Receiver<bool>);

impl Lead {
    /// Whether this replica holds the Lease at this moment, as far as it knows.
    pub fn leads(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it has changed. Never ends where nobody asks for the Lease any more.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Asks for the Lease, again and again.
pub(super) struct Candidate {
    client: Client,
    namespace: String,
    identity: String,
    leads: watch::Sender<bool>,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Candidate").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Candidate {
    /// A candidate with a name that no other replica has.
    pub(super) fn new(client: Client, namespace: &str, identity: String) -> (Self, Lead) {
        let (leads, lead) = watch::channel(false);
        (Self { client, namespace: namespace.to_owned(), identity, leads }, Lead(lead))
    }

    /// Until it is asked to stop; then it gives the Lease back.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut told = String::new();
        while !stop.is_cancelled() {
            if let Err(error) = self.hold(&stop).await {
                let cause = error.to_string();
                // The same is told once.
                if cause == told {
                    tracing::debug!(cause, "the Lease is not to be had");
                } else {
                    tracing::warn!(cause, "the Lease is not to be had: this replica writes no status");
                    told = cause;
                }
            }
            self.leads.send_replace(false);
            let _stopped = tokio::time::timeout(PAUSE, stop.cancelled()).await;
        }
    }

    async fn hold(&self, stop: &CancellationToken) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (mut holds, task) = self.manager().await?.watch().await;
        let mut task = std::pin::pin!(task);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                ended = &mut task => return ended?.map(drop).map_err(Into::into),
                changed = holds.changed() => {
                    changed?;
                    let leads = *holds.borrow_and_update();
                    if self.leads.send_replace(leads) != leads {
                        tracing::info!(leads, "whether this replica writes status has changed");
                    }
                }
            }
        }
        drop(holds);
        tokio::time::timeout(RELEASE, task).await???;
        Ok(())
    }

    async fn manager(&self) -> Result<LeaseManager, kube_lease_manager::LeaseManagerError> {
        LeaseManagerBuilder::new(self.client.clone(), LEASE)
            .with_namespace(&self.namespace)
            .with_identity(&self.identity)
            // By it the API server tells the candidates apart.
            .with_field_manager(format!("{LEASE}-{}", self.identity))
            .with_duration(HELD)
            .with_grace(RENEWED_BEFORE)
            .build()
            .await
    }
}
