//! What a process makes of its home cluster.

use std::sync::Arc;

use super::{Shared, StartError};
use crate::config::{Config, Store as Named};
use crate::departures::Departures;
use crate::errors::with_causes;
use crate::home::{self, Environment, Found, Home, Lookout, NamespaceWatch, Settings};
use crate::namespaces::WatchedNamespaces;
use crate::ports::administrators::Administrators;
use crate::verify::HomeCluster;

/// The home cluster, where there is one. Only a store in it needs it.
pub(super) async fn find(environment: Environment, store: &Named) -> Result<Option<Found>, StartError> {
    match home::find(environment).await {
        Ok(found) => Ok(found),
        Err(error) if matches!(store, Named::Kubernetes { .. }) => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                cause = with_causes(&error),
                "nobody administers by Kubernetes RBAC, and no deletion ends a token before its review is forgotten: the \
                 home cluster cannot be asked"
            );
            Ok(None)
        }
    }
}

/// What stands on the home cluster.
pub(super) struct Around {
    pub(super) administrators: Arc<dyn Administrators>,
    pub(super) cluster: HomeCluster,
    /// Must run, for deletions to be heard.
    pub(super) lookout: Lookout,
}

impl Around {
    pub(super) fn new(shared: &Shared, config: &Config, found: Found) -> Self {
        let Found { client, url, is_pods_own } = found;
        let (health, namespace) = (shared.health.clone(), config.store.namespace().to_owned());
        let departures = Departures::new(Arc::clone(&shared.clock), config.review.cache.ttl);
        let (clock, labels_ttl) = (&shared.clock, config.review.labels_ttl);
        let namespaces = WatchedNamespaces::new(Arc::clone(clock), labels_ttl);
        let metrics = shared.metrics.clone();
        let mut lookout = Lookout::new(client.clone(), departures.clone(), health.clone(), metrics.clone());
        // A login asks afresh, so that none are taken but by the Envoy door.
        if config.envoy.is_some() && !labels_ttl.is_zero() {
            let (client, kept, clock) = (client.clone(), namespaces.clone(), Arc::clone(clock));
            let watch = NamespaceWatch::new(client, kept, clock, labels_ttl, health.clone(), metrics);
            lookout = lookout.with_namespaces(watch);
        }
        Self {
            administrators: Arc::new(Home::new(client, namespace, Settings::default(), health)),
            lookout,
            cluster: HomeCluster { url, is_pods_own, departures, namespaces },
        }
    }
}
