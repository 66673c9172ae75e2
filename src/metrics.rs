//! The metrics of `/metrics`: named once, with base units. No label takes a value that a caller chooses.

mod hot;
mod listeners;
mod reviews;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use hot::Hot;
pub use listeners::ListenerMetrics;
use listeners::Listeners;
pub use reviews::AdmissionGauges;
use reviews::Reviews;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The statuses of the Vault door.
const VAULT_STATUSES: [(u16, &str); 13] = [
    (200, "200"),
    (204, "204"),
    (307, "307"),
    (400, "400"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (413, "413"),
    (415, "415"),
    (429, "429"),
    (500, "500"),
    (503, "503"),
];

/// Every metric of the process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RejectionLabels {
    listener: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedLabel {
    feed: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabel {
    resource: &'static str,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    hot: Hot,
    reviews: Reviews,
    client_tokens: Gauge<u64, AtomicU64>,
    feed_age: Family<FeedLabel, Gauge<f64, AtomicU64>>,
    feed_failures: Family<FeedLabel, Counter>,
    revocation_watched: Family<ResourceLabel, Gauge<u64, AtomicU64>>,
    namespaces_watched: Gauge<u64, AtomicU64>,
    rejected_requests: Family<RejectionLabels, Counter>,
    listeners: Listeners,
    loaded: Mutex<BTreeMap<&'static str, Instant>>,
    unknown: Arc<str>,
}

impl Default for Inner {
    fn default() -> Self {
        let mut inner = Self {
            registry: Registry::with_prefix("rolegate"),
            hot: Hot::default(),
            reviews: Reviews::default(),
            client_tokens: Gauge::default(),
            feed_age: Family::default(),
            feed_failures: Family::default(),
            revocation_watched: Family::default(),
            namespaces_watched: Gauge::default(),
            rejected_requests: Family::default(),
            listeners: Listeners::default(),
            loaded: Mutex::default(),
            unknown: Arc::from("unknown"),
        };
        let registry = &mut inner.registry;
        registry.register_collector(Box::new(inner.hot.clone()));
        inner.reviews.register(registry);
        registry.register_with_unit(
            "feed_age",
            "Since a feed was last seen to be good",
            Unit::Seconds,
            inner.feed_age.clone(),
        );
        registry.register("feed_failures", "Sets of a feed that were not taken", inner.feed_failures.clone());
        registry.register(
            "revocation_watched",
            "1 where deletions of the resource in the home cluster are heard, 0 where they are not",
            inner.revocation_watched.clone(),
        );
        registry.register(
            "namespaces_watched",
            "Namespaces of the home cluster whose labels are watched, 0 where they are not",
            inner.namespaces_watched.clone(),
        );
        registry.register(
            "rejected_requests",
            "Requests that are rejected before a door reads them, by listener and cause",
            inner.rejected_requests.clone(),
        );
        registry.register("client_tokens", "Client tokens of the Vault door", inner.client_tokens.clone());
        inner.listeners.register(registry);
        inner
    }
}

impl Metrics {
    /// Counts a look into the review cache: `hit`, `miss` or `shared` (joined one that was under way).
    pub fn review_cache(&self, result: &'static str) {
        self.0.hot.look(result);
    }

    /// Counts a request under `rolegate_rejected_requests_total` that a listener rejects before a door reads it.
    pub fn rejected_request(&self, listener: &'static str, cause: &'static str) {
        self.0.rejected_requests.get_or_create(&RejectionLabels { listener, cause }).inc();
    }

    /// Counts a decision and its duration; `mount` is none where no mount of ours was named.
    pub fn decision(
        &self,
        door: &'static str,
        mount: Option<&Arc<str>>,
        outcome: &'static str,
        reason: &'static str,
        took: Duration,
    ) {
        self.0.hot.decision(door, mount.unwrap_or(&self.0.unknown), outcome, reason, took);
    }

    /// Counts a request to the Vault door under `rolegate_vault_requests_total` and its duration. A status that the
    /// door does not have of itself, but lets callers choose, is `other`.
    pub fn vault_request(&self, operation: &'static str, status: u16, took: Duration) {
        let known = VAULT_STATUSES.iter().find(|(code, _)| *code == status);
        self.0.hot.request(operation, known.map_or("other", |(_, name)| name), took);
    }

    /// Sets `rolegate_client_tokens`.
    pub fn client_tokens(&self, tokens: u64) {
        self.0.client_tokens.set(tokens);
    }

    /// Sets the age of a feed to zero under `rolegate_feed_age_seconds`: it was seen to be as it should be.
    pub fn feed_loaded(&self, feed: &'static str) {
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(feed, Instant::now());
    }

    /// Counts a feed's set that was not taken.
    pub fn feed_failed(&self, feed: &'static str) {
        self.0.feed_failures.get_or_create(&FeedLabel { feed }).inc();
    }

    /// Sets `rolegate_revocation_watched`: whether deletions of this resource are heard.
    pub fn revocation_watched(&self, resource: &'static str, heard: bool) {
        self.0.revocation_watched.get_or_create(&ResourceLabel { resource }).set(u64::from(heard));
    }

    /// Sets `rolegate_namespaces_watched`.
    pub fn namespaces_watched(&self, namespaces: usize) {
        self.0.namespaces_watched.set(namespaces as u64);
    }

    /// The metrics of a listener.
    pub fn listener(&self, listener: &'static str) -> ListenerMetrics {
        self.0.listeners.listener(listener)
    }

    /// All metrics at this moment, in the format of [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        for (feed, loaded) in self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.0.feed_age.get_or_create(&FeedLabel { feed }).set(loaded.elapsed().as_secs_f64());
        }
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _written = encode(&mut text, &self.0.registry);
        text
    }
}

#[cfg(test)]
mod tests;
