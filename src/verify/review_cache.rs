//! Answers that are remembered for a while: bounded in number and in time.
//!
//! The one cache here that is not moka: quick_cache takes less memory for each entry and less time for each hit, and
//! lifetimes are kept here anyway.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::core::review_key::ReviewKey;
use crate::ports::Clock;

/// Answers by their questions' keys, each until a time of its own.
pub(super) struct TtlCache<V> {
    // What has outlived its time goes when room is needed; nobody gets it before.
    kept: Cache<ReviewKey, (V, u64), Weight<V>>,
    clock: Arc<dyn Clock>,
}

impl<V: Clone> TtlCache<V> {
    /// Room for a weight of `capacity`, of about so many answers.
    pub(super) fn new(capacity: u64, answers: u64, weight: fn(&V) -> u64, clock: Arc<dyn Clock>) -> Self {
        let items = usize::try_from(answers).unwrap_or(usize::MAX);
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let kept = Cache::with(items, capacity, Weight(weight), hasher, lifecycle);
        Self { kept, clock }
    }

    /// What is remembered and still good.
    pub(super) fn get(&self, key: &ReviewKey) -> Option<V> {
        let (value, until) = self.kept.get(key)?;
        (millis(self.clock.elapsed()) < until).then_some(value)
    }

    /// Remembers until a time on the clock.
    pub(super) fn keep(&self, key: ReviewKey, value: V, until: Duration) {
        if self.clock.elapsed() < until {
            self.kept.insert(key, (value, millis(until)));
        }
    }

    /// How many are remembered, those included that have outlived their time and are not gone yet.
    pub(super) fn len(&self) -> u64 {
        self.kept.len() as u64
    }
}

#[derive(Clone)]
struct Weight<V>(fn(&V) -> u64);

impl<V> Weighter<ReviewKey, (V, u64)> for Weight<V> {
    fn weight(&self, _key: &ReviewKey, (value, _): &(V, u64)) -> u64 {
        (self.0)(value)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<V> std::fmt::Debug for TtlCache<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TtlCache")
    }
}
