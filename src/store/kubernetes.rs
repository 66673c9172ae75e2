//! The store in the Kubernetes API: declarations are custom resources, which any number of replicas share.

mod asking;
pub mod assemble;
mod both;
pub mod convert;
pub mod crd;
mod feed;
mod lead;
mod read;
pub mod resources;
mod status;
pub mod tokens;
mod write;

use std::sync::Arc;

use kube::Client;
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use crate::catalog::Snapshots;
use crate::health::Health;
use crate::lifecycle::Pending;
use crate::metrics::Metrics;
use crate::ports::store::Store;
use both::Both;
use feed::{Feed, Tells};
use lead::Candidate;
pub use lead::Lead;
use status::StatusWriter;
use write::Declared;

/// What the store needs of the process.
#[derive(Debug)]
pub struct World {
    /// Where the feed publishes.
    pub snapshots: Snapshots,
    /// Where it tells what is wrong.
    pub health: Health,
    /// Where it tells its age.
    pub metrics: Metrics,
    /// Held until the first whole set is published.
    pub pending: Pending,
    /// A name that no other replica has.
    pub identity: String,
    /// Where everything is kept that is not declared.
    pub kept: Arc<dyn Store>,
    /// Set once that is known, too: no set is published before, and no Lease asked for.
    pub known: Arc<SetOnce<()>>,
}

/// An opened store.
#[derive(Debug)]
pub struct KubernetesStore {
    /// All entries. A write of declared ones resolves when this replica's feed has published it.
    pub store: Arc<dyn Store>,
    /// Whether this replica is the one that does what only one should do.
    pub lead: Lead,
    /// What must run while the store is used.
    pub tasks: Tasks,
}

/// The feed, the writer of status, and the candidate for the Lease.
#[derive(Debug)]
pub struct Tasks {
    feed: Feed,
    status: StatusWriter,
    candidate: Candidate,
    known: Arc<SetOnce<()>>,
}

impl KubernetesStore {
    /// Opens the store in a namespace. Nothing is asked of the API server before [`Tasks::run`].
    pub fn open(client: &Client, namespace: &str, world: World) -> Self {
        let World { snapshots, health, metrics, pending, identity, kept, known } = world;
        let tells =
            Tells { snapshots: snapshots.clone(), health, metrics, pending, after: Arc::clone(&known) };
        let (feed, seen) = Feed::new(client.clone(), namespace, tells);
        let (candidate, lead) = Candidate::new(client.clone(), namespace, identity);
        let status = StatusWriter::new(client.clone(), namespace, seen.clone(), lead.clone());
        let declared = Arc::new(Declared::new(client, namespace, snapshots, seen));
        Self {
            store: Arc::new(Both { declared, kept }),
            lead,
            tasks: Tasks { feed, status, candidate, known },
        }
    }
}

impl Tasks {
    /// Until it is asked to stop.
    pub async fn run(self, stop: CancellationToken) {
        let Self { feed, status, candidate, known } = self;
        let candidacy = async {
            if stop.run_until_cancelled(known.wait()).await.is_some() {
                candidate.run(stop.clone()).await;
            }
        };
        tokio::join!(feed.run(stop.clone()), status.run(stop.clone()), candidacy);
    }
}
