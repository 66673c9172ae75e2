//! A verifier, its clock, and mounts for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rolegate::core::identity::Review;
use rolegate::core::mount::{Mount, MountAbout, MountConfig};
use rolegate::core::reason::Undecided;
use rolegate::departures::Departures;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::namespaces::WatchedNamespaces;
use rolegate::ports::{Caller, Clock, Door, Freshness, Labels, Origin, ReviewQuery, Verify};
use rolegate::verify::{HomeCluster, LocalCluster, Settings, Verifier};

use crate::support::within;

/// 2023-11-14T22:13:20Z, where the clock starts.
pub(crate) const START: i64 = 1_700_000_000;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub(crate) struct Set {
    millis: AtomicU64,
    broken: AtomicBool,
}

impl Set {
    pub(crate) fn forward(&self, by: Duration) {
        self.millis.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Whoever looks at it panics.
    pub(crate) fn broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

impl Clock for Set {
    fn unix_now(&self) -> i64 {
        START + i64::try_from(self.elapsed().as_secs()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// A verifier and what belongs to it.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) verifier: Verifier,
    pub(crate) clock: Arc<Set>,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
}

impl House {
    /// Outside of any cluster, in no hurry.
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::with_clock(settings, Arc::default())
    }

    /// Rolegate's own cluster is at this URL, and this is what is known to be gone from it.
    pub(crate) fn at_home(url: &str) -> (Self, Departures) {
        let (house, home) = Self::with_home(url);
        (house, home.departures)
    }

    /// The same with all that is known of that cluster.
    pub(crate) fn with_home(url: &str) -> (Self, HomeCluster) {
        let (clock, settings) = (Arc::<Set>::default(), settings());
        let departures = Departures::new(Arc::<Set>::clone(&clock), settings.cache.ttl);
        let namespaces = WatchedNamespaces::new(Arc::<Set>::clone(&clock), settings.labels_ttl);
        let home = HomeCluster { url: url.parse().unwrap(), is_pods_own: false, departures, namespaces };
        (Self::with_clock(Settings { home: Some(home.clone()), ..settings }, clock), home)
    }

    fn with_clock(settings: Settings, clock: Arc<Set>) -> Self {
        let (health, metrics) = (Health::default(), Metrics::default());
        let verifier = Verifier::new(settings, Arc::<Set>::clone(&clock), metrics.clone(), health.clone());
        Self { verifier, clock, health, metrics }
    }

    /// What the Envoy door asks: the memory first, then the API server.
    pub(crate) async fn cached(&self, mount: &Arc<Mount>, token: &str) -> Result<Arc<Review>, Undecided> {
        let query = ReviewQuery::new(mount, token, None, &["api"]);
        match self.verifier.remembered(&query) {
            Some(review) => Ok(review),
            None => self.ask(mount, token, Freshness::Cached, None).await,
        }
    }

    /// What a login asks.
    pub(crate) async fn fresh(&self, mount: &Arc<Mount>, token: &str) -> Result<Arc<Review>, Undecided> {
        self.ask(mount, token, Freshness::Fresh, None).await
    }

    pub(crate) async fn ask(
        &self,
        mount: &Arc<Mount>,
        token: &str,
        freshness: Freshness,
        deadline: Option<Instant>,
    ) -> Result<Arc<Review>, Undecided> {
        let query = ReviewQuery::new(mount, token, None, &["api"]);
        let caller = caller(deadline);
        within("a review", self.verifier.review(query, freshness, &caller)).await
    }

    pub(crate) async fn labels(&self, mount: &Arc<Mount>, namespace: &str) -> Result<Labels, Undecided> {
        let caller = caller(None);
        within("labels", self.verifier.namespace_labels(mount, namespace, Freshness::Cached, &caller)).await
    }

    /// What readiness says of the mount.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.health.troubles().remove("mount kubernetes")
    }
}

/// Somebody at the Envoy door.
pub(crate) fn caller(deadline: Option<Instant>) -> Caller {
    Caller::begin(Origin { door: Door::Envoy, client: None, connection: None }, deadline)
}

/// No time-out that a test could run into, and no cluster around.
pub(crate) fn settings() -> Settings {
    let nowhere = LocalCluster {
        token_file: "/nowhere/token".into(),
        ca_file: "/nowhere/ca".into(),
        service_host: None,
        ..LocalCluster::default()
    };
    Settings { timeout: Duration::from_secs(600), local: nowhere, ..Settings::default() }
}

/// A mount with the reviewer's token `reviewer`.
pub(crate) fn mount(url: &str) -> Arc<Mount> {
    mount_with(url, |_| ())
}

pub(crate) fn mount_with(url: &str, change: impl FnOnce(&mut MountConfig)) -> Arc<Mount> {
    let mut config = MountConfig {
        kubernetes_host: url.to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: Some("reviewer".to_owned().into()),
        pem_keys: Vec::new(),
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: false,
        use_annotations_as_alias_metadata: false,
    };
    change(&mut config);
    let config = Some(Arc::new(config));
    Arc::new(Mount { config, ..Mount::new("kubernetes", 1, MountAbout::of_path("kubernetes")) })
}

/// The account's name that a review confirms.
pub(crate) fn name(review: &Result<Arc<Review>, Undecided>) -> &str {
    match review.as_deref() {
        Ok(Review::Confirmed(identity)) => identity.name(),
        other => panic!("not confirmed: {other:?}"),
    }
}
