//! Client tokens, entities and the ring of keys as Secrets of a namespace: what logins make.
//!
//! A replica answers from what it knows, which a watch keeps up to date; it asks the API server for what it does not
//! know. Every write names the version that it is made from, so that of replicas which race one wins.

mod api;
mod feed;
mod flights;
mod index;
mod object;
mod place;
mod write;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::Client;

use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::store::{Change, Commit, Entry, Key, Kind, Listed, Page, Store, StoreError, Stored};
use api::Objects;
pub use feed::TokensFeed;
use flights::Flights;
use index::Index;
use object::Object;

/// What the caller of a write of a declared kind is told.
const DECLARED: &str = "mounts, configs, roles and policies are not kept among client tokens";

/// The kinds that are not declared, in the Kubernetes API. Cheap to clone.
///
/// A commit is whole for what belongs to one token or one alias; over several of them it is made one by one. Lists and
/// counts say what this replica knows: what another has changed in the last moment may be missing.
#[derive(Clone)]
pub struct KubernetesTokens(Arc<Inner>);

struct Inner {
    objects: Objects,
    index: RwLock<Index>,
    flights: Flights,
}

impl std::fmt::Debug for KubernetesTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KubernetesTokens").finish_non_exhaustive()
    }
}

impl KubernetesTokens {
    /// The store in this namespace, which knows nothing before [`KubernetesTokens::follow`] has resolved.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self(Arc::new(Inner {
            objects: Objects::new(client, namespace),
            index: RwLock::default(),
            flights: Flights::default(),
        }))
    }

    /// The feed that must run while the store is used. Waits for the first full list, for as long as it takes; what
    /// stands in its way is told by `health`.
    pub async fn follow(&self, health: Health, metrics: Metrics) -> TokensFeed {
        TokensFeed::open(self.clone(), health, metrics).await
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, object: &Arc<str>) -> Option<Object> {
        self.index().object(object)
    }

    /// An object as the API server has it after this call began.
    async fn fetch(&self, object: &Arc<str>) -> Result<Option<Object>, StoreError> {
        let ask = async {
            let before = self.index().version(object);
            match self.0.objects.get(object).await? {
                Some(object) => self.index_mut().apply(object),
                // Unless it has been made anew since.
                None => before.into_iter().for_each(|version| self.index_mut().remove(object, version)),
            }
            Ok(())
        };
        self.0.flights.ask(object, ask).await?;
        Ok(self.known(object))
    }

    /// An entry that is not known, asked for.
    async fn asked(&self, key: &Key) -> Result<(), StoreError> {
        if let Some(object) = place::of(key) {
            return self.fetch(&object).await.map(drop);
        }
        let Some((label, value)) = place::label(key) else { return Ok(()) };
        let selector = format!("{label}={value}");
        let ask = async {
            let found = self.0.objects.find(&selector).await?;
            let mut index = self.index_mut();
            found.into_iter().for_each(|object| index.apply(object));
            Ok(())
        };
        self.0.flights.ask(&selector, ask).await
    }
}

impl Store for KubernetesTokens {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        Box::pin(async move {
            // Whoever reads the ring looks for a key that it has not seen yet.
            if key.kind != Kind::KeyRing
                && let Some(entry) = self.index().get(key)
            {
                return Ok(Some(entry.clone()));
            }
            self.asked(key).await?;
            Ok(self.index().get(key).cloned())
        })
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        Box::pin(async move { Ok(self.index().list(page)) })
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        Box::pin(async move { Ok(self.index().count(kind) as u64) })
    }
}

impl Commit for KubernetesTokens {
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        if changes.iter().any(|change| change.key.kind.is_declared()) {
            return Box::pin(std::future::ready(Err(StoreError::ReadOnly(DECLARED))));
        }
        Box::pin(self.make(changes))
    }
}
