//! What comes of the questions that API servers are asked.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

/// What takes microseconds when remembered and milliseconds when not, in seconds.
pub(super) const BUCKETS: [f64; 14] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    mount: Arc<str>,
    result: &'static str,
}

/// What may come of a reading of published keys.
const LOCAL_KEYS: [&str; 4] = ["read", "unusable", "no_answer", "no_reviewer"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MountLabel {
    mount: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotSentLabels {
    mount: Arc<str>,
    cause: &'static str,
}

/// How many questions one mount's API server is asked, and how many wait. Counted up and down, for two generations of a
/// mount share them.
#[derive(Debug, Clone)]
pub struct AdmissionGauges {
    /// Sent, and not answered yet.
    pub in_flight: Gauge,
    /// How many may be sent at a time now.
    pub limit: Gauge,
    /// Not sent yet.
    pub waiting: Gauge,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of reviews, and of what stands before them.
#[derive(Debug)]
pub(super) struct Reviews {
    reviews: Family<ReviewLabels, Counter>,
    review_duration: Histograms<MountLabel>,
    reviews_in_flight: Family<MountLabel, Gauge>,
    reviews_in_flight_limit: Family<MountLabel, Gauge>,
    reviews_waiting: Family<MountLabel, Gauge>,
    reviews_not_sent: Family<NotSentLabels, Counter>,
    review_cache_entries: Gauge<u64, AtomicU64>,
    local_keys: Family<ReviewLabels, Gauge<u64, AtomicU64>>,
    review_breaker: Family<MountLabel, Gauge<u64, AtomicU64>>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Reviews {
    fn default() -> Self {
        Self {
            reviews: Family::default(),
            review_duration: Family::new_with_constructor(histogram),
            reviews_in_flight: Family::default(),
            reviews_in_flight_limit: Family::default(),
            reviews_waiting: Family::default(),
            reviews_not_sent: Family::default(),
            review_cache_entries: Gauge::default(),
            local_keys: Family::default(),
            review_breaker: Family::default(),
        }
    }
}

impl Reviews {
    /// Makes all of them known.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("reviews", "TokenReviews asked of API servers, by result", self.reviews.clone());
        registry.register_with_unit(
            "review_duration",
            "From the start of a TokenReview to its answer",
            Unit::Seconds,
            self.review_duration.clone(),
        );
        registry.register(
            "reviews_in_flight",
            "Questions that an API server is asked at this moment",
            self.reviews_in_flight.clone(),
        );
        registry.register(
            "reviews_in_flight_limit",
            "How many questions an API server may be asked at a time now",
            self.reviews_in_flight_limit.clone(),
        );
        registry.register(
            "reviews_waiting",
            "Questions that wait for their turn to be sent",
            self.reviews_waiting.clone(),
        );
        registry.register(
            "reviews_not_sent",
            "Questions that were given up before they were sent, by cause",
            self.reviews_not_sent.clone(),
        );
        registry.register(
            "review_cache_entries",
            "Reviews that are remembered",
            self.review_cache_entries.clone(),
        );
        registry.register(
            "local_keys",
            "1 for what came of the last reading of the keys that a mount's API server publishes",
            self.local_keys.clone(),
        );
        registry.register(
            "review_breaker",
            "The circuit breaker of a mount's API server: 0 closed, 1 half open, 2 open",
            self.review_breaker.clone(),
        );
    }
}

impl Metrics {
    /// Counts a finished review under `rolegate_reviews_total` and its duration.
    pub fn review(&self, mount: &Arc<str>, result: &'static str, took: Duration) {
        self.0.reviews.reviews.get_or_create(&ReviewLabels { mount: Arc::clone(mount), result }).inc();
        let label = MountLabel { mount: Arc::clone(mount) };
        self.0.reviews.review_duration.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// `rolegate_reviews_in_flight`, `rolegate_reviews_in_flight_limit` and `rolegate_reviews_waiting` of one mount.
    pub fn admission(&self, mount: &Arc<str>) -> AdmissionGauges {
        let label = MountLabel { mount: Arc::clone(mount) };
        let gauge = |family: &Family<MountLabel, Gauge>| family.get_or_create(&label).clone();
        AdmissionGauges {
            in_flight: gauge(&self.0.reviews.reviews_in_flight),
            limit: gauge(&self.0.reviews.reviews_in_flight_limit),
            waiting: gauge(&self.0.reviews.reviews_waiting),
        }
    }

    /// Counts a question that was given up before it was sent under `rolegate_reviews_not_sent_total`.
    pub fn review_not_sent(&self, mount: &Arc<str>, cause: &'static str) {
        self.0
            .reviews
            .reviews_not_sent
            .get_or_create(&NotSentLabels { mount: Arc::clone(mount), cause })
            .inc();
    }

    /// Sets `rolegate_review_cache_entries`.
    pub fn review_cache_entries(&self, entries: u64) {
        self.0.reviews.review_cache_entries.set(entries);
    }

    /// Sets `rolegate_local_keys`: what came of the last reading of a mount's published keys; none: the mount is gone.
    pub fn local_keys(&self, mount: &Arc<str>, outcome: Option<&'static str>) {
        for result in LOCAL_KEYS {
            let labels = ReviewLabels { mount: Arc::clone(mount), result };
            match outcome {
                Some(outcome) => {
                    self.0.reviews.local_keys.get_or_create(&labels).set(u64::from(result == outcome));
                }
                None => {
                    self.0.reviews.local_keys.remove(&labels);
                }
            }
        }
    }

    /// Sets `rolegate_review_breaker`: 0 closed, 1 half open, 2 open.
    pub fn review_breaker(&self, mount: &Arc<str>, state: u64) {
        self.0.reviews.review_breaker.get_or_create(&MountLabel { mount: Arc::clone(mount) }).set(state);
    }

    /// Takes a mount out of `rolegate_review_breaker`.
    pub fn forget_review_breaker(&self, mount: &Arc<str>) {
        self.0.reviews.review_breaker.remove(&MountLabel { mount: Arc::clone(mount) });
    }
}
