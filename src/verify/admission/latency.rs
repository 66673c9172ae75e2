//! How long an API server has taken of late.

use std::time::{Duration, Instant};

/// After so long without a new answer an estimate counts half: it must not refuse what would be answered by now.
const HALF_LIFE: Duration = Duration::from_secs(1);

/// A moving mean and the mean deviation from it, as in RFC 6298, section 2. It follows faster answers faster: an estimate
/// that is too high refuses what could be answered, one that is too low wastes a question at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latency {
    mean: f64,
    deviation: f64,
    newest: Option<Instant>,
}

impl Latency {
    /// Takes one answer, or the time after which there was none, into account.
    pub(super) fn record(&mut self, took: Duration, now: Instant) {
        let took = took.as_secs_f64();
        if self.newest.replace(now).is_none() {
            (self.mean, self.deviation) = (took, 0.0);
            return;
        }
        let difference = took - self.mean;
        self.deviation += (difference.abs() - self.deviation) / 4.0;
        self.mean += difference / if difference < 0.0 { 3.0 } else { 8.0 };
    }

    /// How long the next answer will take, with a margin; zero where nothing is known.
    pub(super) fn expected(&self, now: Instant) -> Duration {
        self.decayed(self.mean + self.deviation, now)
    }

    /// How long an answer takes on average.
    pub(super) fn mean(&self, now: Instant) -> Duration {
        self.decayed(self.mean, now)
    }

    fn decayed(&self, seconds: f64, now: Instant) -> Duration {
        let Some(newest) = self.newest else { return Duration::ZERO };
        let age = now.saturating_duration_since(newest).as_secs_f64() / HALF_LIFE.as_secs_f64();
        Duration::try_from_secs_f64(seconds * 0.5_f64.powf(age)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Latency;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_follows_the_answers_and_nothing_is_expected_without_any() {
        let (mut latency, now) = (Latency::default(), Instant::now());
        assert_eq!(latency.expected(now), Duration::ZERO);
        for _ in 0..50 {
            latency.record(500 * MS, now);
        }
        let expected = latency.expected(now);
        assert!((500 * MS..510 * MS).contains(&expected), "{expected:?}");
        for _ in 0..20 {
            latency.record(5 * MS, now);
        }
        assert!(latency.expected(now) < 20 * MS, "{:?}", latency.expected(now));
    }

    #[test]
    fn after_a_bad_time_it_recovers_by_itself() {
        let (mut latency, now) = (Latency::default(), Instant::now());
        latency.record(Duration::from_secs(5), now);
        assert_eq!(latency.expected(now), Duration::from_secs(5));
        assert_eq!(latency.expected(now + Duration::from_secs(1)), Duration::from_millis(2500));
        assert!(latency.expected(now + Duration::from_secs(10)) < 5 * MS);
    }
}
