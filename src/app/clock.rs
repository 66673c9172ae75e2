//! The time of the machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::ports::Clock;

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Clocks whose elapsed time starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn unix_now(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
