//! The metrics of `/metrics`: named once, with base units. No label takes a value that a caller chooses.

mod hot;
mod listeners;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use hot::Hot;
pub use listeners::ListenerMetrics;
use listeners::Listeners;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What takes microseconds when remembered and milliseconds when not, in seconds.
const BUCKETS: [f64; 14] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

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
struct ReviewLabels {
    mount: Arc<str>,
    result: &'static str,
}

/// What may come of a reading of published keys.
const LOCAL_KEYS: [&str; 4] = ["read", "unusable", "no_answer", "no_reviewer"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RejectionLabels {
    listener: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MountLabel {
    mount: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotSentLabels {
    mount: Arc<str>,
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

/// How many questions one mount's API server is asked, and how many wait. Counted up and down, for two generations of a
/// mount share them.
#[derive(Debug, Clone)]
pub struct AdmissionGauges {
    /// Sent, and not answered yet.
    pub in_flight: Gauge,
    /// Not sent yet.
    pub waiting: Gauge,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug)]
struct Inner {
    registry: Registry,
    hot: Hot,
    reviews: Family<ReviewLabels, Counter>,
    review_duration: Histograms<MountLabel>,
    reviews_in_flight: Family<MountLabel, Gauge>,
    reviews_waiting: Family<MountLabel, Gauge>,
    reviews_not_sent: Family<NotSentLabels, Counter>,
    review_cache_entries: Gauge<u64, AtomicU64>,
    local_keys: Family<ReviewLabels, Gauge<u64, AtomicU64>>,
    review_breaker: Family<MountLabel, Gauge<u64, AtomicU64>>,
    client_tokens: Gauge<u64, AtomicU64>,
    feed_age: Family<FeedLabel, Gauge<f64, AtomicU64>>,
    feed_failures: Family<FeedLabel, Counter>,
    revocation_watched: Family<ResourceLabel, Gauge<u64, AtomicU64>>,
    rejected_requests: Family<RejectionLabels, Counter>,
    listeners: Listeners,
    loaded: Mutex<BTreeMap<&'static str, Instant>>,
    unknown: Arc<str>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Inner {
    fn default() -> Self {
        let mut inner = Self {
            registry: Registry::with_prefix("rolegate"),
            hot: Hot::default(),
            reviews: Family::default(),
            review_duration: Family::new_with_constructor(histogram),
            reviews_in_flight: Family::default(),
            reviews_waiting: Family::default(),
            reviews_not_sent: Family::default(),
            review_cache_entries: Gauge::default(),
            local_keys: Family::default(),
            review_breaker: Family::default(),
            client_tokens: Gauge::default(),
            feed_age: Family::default(),
            feed_failures: Family::default(),
            revocation_watched: Family::default(),
            rejected_requests: Family::default(),
            listeners: Listeners::default(),
            loaded: Mutex::default(),
            unknown: Arc::from("unknown"),
        };
        let registry = &mut inner.registry;
        registry.register_collector(Box::new(inner.hot.clone()));
        registry.register("reviews", "TokenReviews asked of API servers, by result", inner.reviews.clone());
        registry.register_with_unit(
            "review_duration",
            "From the start of a TokenReview to its answer",
            Unit::Seconds,
            inner.review_duration.clone(),
        );
        registry.register(
            "reviews_in_flight",
            "Questions that an API server is asked at this moment",
            inner.reviews_in_flight.clone(),
        );
        registry.register(
            "reviews_waiting",
            "Questions that wait for their turn to be sent",
            inner.reviews_waiting.clone(),
        );
        registry.register(
            "reviews_not_sent",
            "Questions that were given up before they were sent, by cause",
            inner.reviews_not_sent.clone(),
        );
        registry.register(
            "review_cache_entries",
            "Reviews that are remembered",
            inner.review_cache_entries.clone(),
        );
        registry.register(
            "local_keys",
            "1 for what came of the last reading of the keys that a mount's API server publishes",
            inner.local_keys.clone(),
        );
        registry.register(
            "review_breaker",
            "The circuit breaker of a mount's API server: 0 closed, 1 half open, 2 open",
            inner.review_breaker.clone(),
        );
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
    /// Counts a finished review under `rolegate_reviews_total` and its duration.
    pub fn review(&self, mount: &Arc<str>, result: &'static str, took: Duration) {
        self.0.reviews.get_or_create(&ReviewLabels { mount: Arc::clone(mount), result }).inc();
        let label = MountLabel { mount: Arc::clone(mount) };
        self.0.review_duration.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// `rolegate_reviews_in_flight` and `rolegate_reviews_waiting` of one mount.
    pub fn admission(&self, mount: &Arc<str>) -> AdmissionGauges {
        let label = MountLabel { mount: Arc::clone(mount) };
        let gauge = |family: &Family<MountLabel, Gauge>| family.get_or_create(&label).clone();
        AdmissionGauges {
            in_flight: gauge(&self.0.reviews_in_flight),
            waiting: gauge(&self.0.reviews_waiting),
        }
    }

    /// Counts a question that was given up before it was sent under `rolegate_reviews_not_sent_total`.
    pub fn review_not_sent(&self, mount: &Arc<str>, cause: &'static str) {
        self.0.reviews_not_sent.get_or_create(&NotSentLabels { mount: Arc::clone(mount), cause }).inc();
    }

    /// Counts a look into the review cache: `hit`, `miss` or `shared` (joined one that was under way).
    pub fn review_cache(&self, result: &'static str) {
        self.0.hot.look(result);
    }

    /// Sets `rolegate_review_cache_entries`.
    pub fn review_cache_entries(&self, entries: u64) {
        self.0.review_cache_entries.set(entries);
    }

    /// Counts a request under `rolegate_rejected_requests_total` that a listener rejects before a door reads it.
    pub fn rejected_request(&self, listener: &'static str, cause: &'static str) {
        self.0.rejected_requests.get_or_create(&RejectionLabels { listener, cause }).inc();
    }

    /// Sets `rolegate_local_keys`: what came of the last reading of a mount's published keys; none: the mount is gone.
    pub fn local_keys(&self, mount: &Arc<str>, outcome: Option<&'static str>) {
        for result in LOCAL_KEYS {
            let labels = ReviewLabels { mount: Arc::clone(mount), result };
            match outcome {
                Some(outcome) => {
                    self.0.local_keys.get_or_create(&labels).set(u64::from(result == outcome));
                }
                None => {
                    self.0.local_keys.remove(&labels);
                }
            }
        }
    }

    /// Sets `rolegate_review_breaker`: 0 closed, 1 half open, 2 open.
    pub fn review_breaker(&self, mount: &Arc<str>, state: u64) {
        self.0.review_breaker.get_or_create(&MountLabel { mount: Arc::clone(mount) }).set(state);
    }

    /// Takes a mount out of `rolegate_review_breaker`.
    pub fn forget_review_breaker(&self, mount: &Arc<str>) {
        self.0.review_breaker.remove(&MountLabel { mount: Arc::clone(mount) });
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
