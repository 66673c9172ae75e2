//! Answers that are remembered for a while: bounded in number and in time.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::core::review_key::ReviewKey;
use crate::ports::Clock;

/// moka takes no more than a thousand years.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Answers by their questions' keys, each until a time of its own.
pub(super) struct Memory<V> {
    // Two words a value. moka's own lifetime is the upper bound, which empties the table of what nobody asks for.
    kept: Cache<ReviewKey, (V, u64)>,
    clock: Arc<dyn Clock>,
}

impl<V: Clone + Send + Sync + 'static> Memory<V> {
    /// Room for a weight of `capacity`, nothing longer than `longest`.
    pub(super) fn new(
        capacity: u64,
        longest: Duration,
        weight: impl Fn(&V) -> u32 + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let kept = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(longest.min(LONGEST))
            .weigher(move |_, (value, _): &(V, u64)| weight(value))
            .build();
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

    /// How many are remembered, about.
    pub(super) fn len(&self) -> u64 {
        self.kept.entry_count()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<V> std::fmt::Debug for Memory<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Memory")
    }
}
