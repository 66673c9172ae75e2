//! What is kept: the store that the configuration names, the catalog over it, and client tokens.

mod kubernetes;

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Shared, StartError, root_token};
use crate::catalog::Catalog;
use crate::config::Store as Named;
use crate::core::secret::Secret;
use crate::core::store_key::StoreKey;
use crate::doors::vault::ClusterId;
use crate::home::Found;
use crate::ports::copies::Copies;
use crate::ports::store::Store;
use crate::store::copies::EmbeddedCopies;
use crate::store::declared::BesideFile;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::file::FileStore;
use crate::store::kubernetes::tokens::KubernetesTokens;
use crate::store::kubernetes::{KubernetesStore, Lead};
use crate::store::memory::MemoryStore;
use crate::tokens::{Tokens, World};
use kubernetes::InKubernetes;

/// An opened store and what stands on it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) store: Arc<dyn Store>,
    pub(super) catalog: Catalog,
    pub(super) tokens: Arc<Tokens>,
    /// The id that the store keeps; empty until it has told it.
    pub(super) cluster_id: ClusterId,
    /// What publishes declarations again and again, where there is such a store.
    pub(super) feed: Option<Feed>,
    /// Whether this replica collects expired tokens, where there are replicas.
    pub(super) lead: Option<Lead>,
    /// What can be copied while it runs, where there is such a store.
    pub(super) copies: Option<Arc<dyn Copies>>,
}

/// What publishes declarations that others write.
#[derive(Debug)]
pub(super) enum Feed {
    /// Reads a file.
    File(Box<FileStore>),
    /// Watches custom resources, and Secrets of client tokens.
    Kubernetes(Box<InKubernetes>),
}

impl Feed {
    /// Until it is asked to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        match self {
            Self::File(store) => {
                if let Err(error) = store.run(stop).await {
                    tracing::error!(%error, "the store ended");
                }
            }
            Self::Kubernetes(feed) => feed.run(stop).await,
        }
    }
}

impl Kept {
    /// Opens the store that is named, and publishes what is declared in it.
    pub(super) async fn open(
        shared: &Shared,
        named: &Named,
        key: Option<StoreKey>,
        home: Option<&Found>,
    ) -> Result<Self, StartError> {
        match named {
            Named::File { path } => {
                let feed = FileStore::open(
                    path,
                    shared.snapshots.clone(),
                    shared.health.clone(),
                    shared.metrics.clone(),
                )?;
                let store: Arc<dyn Store> = Arc::new(BesideFile::default());
                let catalog = Catalog::fed(store.clone(), shared.snapshots.clone());
                Ok(Self { feed: Some(Feed::File(Box::new(feed))), ..Self::over(shared, store, catalog) })
            }
            Named::Embedded { path, .. } => {
                let embedded = embedded(shared, path, key).await?;
                let store: Arc<dyn Store> = Arc::new(embedded.clone());
                let copies = Arc::new(EmbeddedCopies::new(embedded, path));
                Ok(Self { copies: Some(copies), ..Self::read(shared, store).await? })
            }
            Named::Kubernetes { namespace } => Self::in_kubernetes(shared, namespace, home),
            Named::Memory => Self::in_memory(shared).await,
        }
    }

    /// Objects of rolegate's own cluster. No declaration is loaded yet, and the process is not ready.
    fn in_kubernetes(shared: &Shared, namespace: &str, home: Option<&Found>) -> Result<Self, StartError> {
        let Found { client, .. } = home.ok_or(StartError::NoHome)?;
        let logins = KubernetesTokens::new(client.clone(), namespace);
        let known = Arc::default();
        let world = kubernetes::world(shared, Arc::new(logins.clone()), &known)?;
        let KubernetesStore { store, lead, tasks } = KubernetesStore::open(client, namespace, world);
        let catalog = Catalog::fed(store.clone(), shared.snapshots.clone());
        let kept = Self::over(shared, store, catalog);
        let feed = InKubernetes::new(shared, logins, tasks, Arc::clone(&kept.tokens), known);
        Ok(Self { feed: Some(Feed::Kubernetes(Box::new(feed))), lead: Some(lead), ..kept })
    }

    /// Has the store keep the server's id: now, or as soon as the store can be reached.
    pub(super) async fn know_cluster(&mut self) -> Result<(), StartError> {
        let cluster_id = Arc::clone(&self.cluster_id);
        match &mut self.feed {
            Some(Feed::Kubernetes(feed)) => feed.know_cluster(cluster_id),
            _ => {
                let id = self.tokens.cluster_id().await.map_err(|error| StartError::Task(error.into()))?;
                let _first = cluster_id.set(id);
            }
        }
        Ok(())
    }

    /// Keeps this root token: now, or as soon as the store can be reached.
    pub(super) async fn keep_root(&mut self, token: Secret) -> Result<(), StartError> {
        match &mut self.feed {
            Some(Feed::Kubernetes(feed)) => {
                feed.keep_root(token);
                Ok(())
            }
            _ => root_token::keep(&self.tokens, &token).await,
        }
    }

    /// A store that keeps nothing.
    pub(super) async fn in_memory(shared: &Shared) -> Result<Self, StartError> {
        Self::read(shared, Arc::new(MemoryStore::default())).await
    }

    async fn read(shared: &Shared, store: Arc<dyn Store>) -> Result<Self, StartError> {
        let catalog = Catalog::open(Arc::clone(&store), shared.snapshots.clone()).await?;
        Ok(Self::over(shared, store, catalog))
    }

    fn over(shared: &Shared, store: Arc<dyn Store>, catalog: Catalog) -> Self {
        let tokens = Tokens::new(World {
            store: Arc::clone(&store),
            clock: Arc::clone(&shared.clock),
            random: Arc::clone(&shared.random),
            mounts: Arc::new(shared.snapshots.clone()),
            metrics: shared.metrics.clone(),
        });
        let (tokens, cluster_id) = (Arc::new(tokens), ClusterId::default());
        Self { store, catalog, tokens, cluster_id, feed: None, lead: None, copies: None }
    }
}

async fn embedded(shared: &Shared, path: &Path, key: Option<StoreKey>) -> Result<EmbeddedStore, StartError> {
    let options = Options { key, ..Options::new(Arc::clone(&shared.random), shared.health.clone()) };
    let directory = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&directory, options)).await;
    let store = opened.map_err(|error| StartError::Task(error.into()))??;
    if !store.is_sealed() {
        tracing::warn!(
            store = %path.display(),
            "no store key is given: reviewer tokens and batch keys lie in the store as they are"
        );
    }
    Ok(store)
}
