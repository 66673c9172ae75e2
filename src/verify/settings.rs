//! How API servers are asked.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::LocalCluster;
use crate::config::HttpProxy;
use crate::departures::Departures;
use crate::namespaces::WatchedNamespaces;

/// How API servers are asked, and how long their word counts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For one question, waiting for its turn included.
    pub timeout: Duration,
    /// Questions at the API server at a time, for each mount.
    pub max_in_flight: usize,
    /// Questions that wait for their turn, for each mount; more are refused at once.
    pub max_waiting: usize,
    /// What is remembered.
    pub cache: CacheSettings,
    /// How long published keys may deny after they were read; none: they are not read.
    pub local_keys_ttl: Option<Duration>,
    /// How old namespace labels may be at the Envoy door.
    pub labels_ttl: Duration,
    /// Through which API servers of other clusters are reached, where not directly.
    pub proxy: Option<Arc<HttpProxy>>,
    /// The cluster that this process runs in.
    pub local: LocalCluster,
    /// The cluster whose deletions are heard, where there is one.
    pub home: Option<HomeCluster>,
}

/// rolegate's own cluster.
#[derive(Debug, Clone)]
pub struct HomeCluster {
    /// Where its API server is.
    pub url: Uri,
    /// It is the cluster that this process runs in, and not that of a kubeconfig.
    pub is_pods_own: bool,
    /// What is known to be gone from it.
    pub departures: Departures,
    /// The labels of its namespaces, while they are watched.
    pub namespaces: WatchedNamespaces,
}

/// What is remembered of reviews.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// How long a confirmed token stays confirmed, unless it expires before.
    pub ttl: Duration,
    /// How long a refused token stays refused.
    pub refused_ttl: Duration,
    /// The most reviews that are remembered; 0 where nobody takes a remembered one.
    pub entries: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(60), refused_ttl: Duration::from_secs(10), entries: 100_000 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_in_flight: 64,
            max_waiting: 512,
            cache: CacheSettings::default(),
            local_keys_ttl: Some(Duration::from_secs(300)),
            labels_ttl: Duration::from_secs(10),
            proxy: None,
            local: LocalCluster::default(),
            home: None,
        }
    }
}
