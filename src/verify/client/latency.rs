//! How long an API server takes of late, and how long a connection may stay silent because of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many times the latency is out of the ordinary.
const TIMES: u32 = 8;
/// Below this nothing is: a pause of the process alone can take as long.
const LEAST: Duration = Duration::from_millis(500);

/// The latency of late: a longer one counts at once, shorter ones by and by. In microseconds; 0: unknown.
#[derive(Debug, Default)]
pub(super) struct Latency(AtomicU64);

impl Latency {
    /// Notes how long an answer took, or was waited for in vain.
    pub(super) fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        // One of two that come together may be lost: it is an estimate.
        let before = self.0.load(Ordering::Relaxed);
        let after = if took >= before { took } else { before - (before - took).div_ceil(5) };
        self.0.store(after, Ordering::Relaxed);
    }

    /// Whether anything was observed.
    pub(super) fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// How long a question with this time left waits over a connection whose peer may have vanished, so that there is
    /// time for another attempt. None where the server is known to be so slow that another attempt would come too late.
    pub(super) fn patience(&self, left: Duration) -> Option<Duration> {
        let half = left / 2;
        match self.0.load(Ordering::Relaxed) {
            0 => Some(half),
            micros => {
                let latency = Duration::from_micros(micros);
                (latency.saturating_mul(2) < half).then(|| latency.saturating_mul(TIMES).max(LEAST).min(half))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LEAST, Latency};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_used_connection_has_a_part_of_the_time_and_a_slow_server_all_of_it() {
        let latency = Latency::default();
        assert_eq!(latency.patience(4 * SECOND), Some(2 * SECOND), "unknown");
        latency.observe(Duration::from_millis(5));
        assert_eq!(latency.patience(4 * SECOND), Some(LEAST));
        assert_eq!(latency.patience(SECOND / 2), Some(SECOND / 4));
        latency.observe(Duration::from_millis(100));
        assert_eq!(latency.patience(4 * SECOND), Some(Duration::from_millis(800)));
        latency.observe(3 * SECOND);
        assert_eq!(latency.patience(4 * SECOND), None);
        for _ in 0..40 {
            latency.observe(Duration::from_millis(5));
        }
        assert_eq!(latency.patience(4 * SECOND), Some(LEAST));
    }
}
