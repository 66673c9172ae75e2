//! How long a connection may hold a place without using it: less, as places become scarce. Pure.

use std::time::Duration;

use super::places::{Doing, Standing};

/// Where every place is nearly taken: for a greeting (TLS handshake, first request head), and between two requests.
const LEAST: Patience = Patience { greeting: Duration::from_secs(1), idle: Duration::from_secs(5) };

/// The parts of a whole that the interpolation counts in.
const STEPS: u32 = 1000;

/// What a connection that runs no request is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// From the accepted connection to its first request, where there was none yet.
    pub(super) greeting: Duration,
    /// Without a request.
    pub(super) idle: Duration,
}

impl Patience {
    /// Nothing below half of the places; from there in a straight line from `most` down to one second for a greeting
    /// and five seconds between requests, which is reached when 15 of 16 places are taken.
    pub(super) fn when(taken: usize, capacity: usize, most: Self) -> Option<Self> {
        let (half, nearly_all) = (capacity / 2, capacity - capacity / 16);
        if taken < half.max(1) {
            return None;
        }
        let over = taken.min(nearly_all).saturating_sub(half);
        let span = nearly_all.saturating_sub(half).max(1);
        let scarcity = u32::try_from(over.saturating_mul(STEPS as usize) / span).unwrap_or(STEPS).min(STEPS);
        let between = |most: Duration, least: Duration| {
            let least = least.min(most);
            least + (most - least) / STEPS * (STEPS - scarcity)
        };
        Some(Self { greeting: between(most.greeting, LEAST.greeting), idle: between(most.idle, LEAST.idle) })
    }

    /// Whether a connection is waited for no longer.
    pub(super) fn is_over(self, standing: Standing, now: Duration) -> bool {
        let waited = now.saturating_sub(standing.since);
        match standing.doing {
            Doing::Handshake | Doing::Silent => waited >= self.greeting,
            Doing::Idle => waited >= self.idle,
            Doing::Stalled | Doing::Running => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LEAST, Patience};
    use crate::net::places::{Doing, Standing};

    const MOST: Patience = Patience { greeting: Duration::from_secs(10), idle: Duration::from_secs(60) };

    #[test]
    fn greeting_and_idle_times_shrink_from_half_of_the_places_to_nearly_all() {
        for (open, greeting, idle) in [
            (512, 10_000, 60_000),
            (736, 5_500, 32_500),
            (960, 1000, 5000),
            (1024, 1000, 5000),
            (4096, 1000, 5000),
        ] {
            let patience = Patience::when(open, 1024, MOST).unwrap();
            assert_eq!(patience.greeting.as_millis(), greeting, "{open}");
            assert_eq!(patience.idle.as_millis(), idle, "{open}");
        }
        for (open, capacity) in [(511, 1024), (0, 1024), (0, 1), (0, 0), (1, 4)] {
            assert_eq!(Patience::when(open, capacity, MOST), None, "{open} of {capacity}");
        }
    }

    #[test]
    fn times_never_grow_with_scarcity_and_never_exceed_the_listeners_own() {
        let hasty = Patience { greeting: Duration::from_millis(20), idle: Duration::from_secs(2) };
        for most in [MOST, hasty] {
            for capacity in 0..70 {
                let mut before = most;
                for patience in (0..80).filter_map(|open| Patience::when(open, capacity, most)) {
                    assert!(patience.greeting <= before.greeting && patience.idle <= before.idle);
                    before = patience;
                }
                assert!(before.greeting >= LEAST.greeting.min(most.greeting));
            }
        }
    }

    #[test]
    fn what_runs_a_request_is_never_out_of_patience() {
        let since = Duration::from_secs(100);
        for (doing, after, over) in [
            (Doing::Handshake, 9, false),
            (Doing::Handshake, 10, true),
            (Doing::Silent, 10, true),
            (Doing::Idle, 59, false),
            (Doing::Idle, 60, true),
            (Doing::Running, 9999, false),
            (Doing::Stalled, 9999, false),
        ] {
            let now = since + Duration::from_secs(after);
            assert_eq!(MOST.is_over(Standing { doing, since }, now), over, "{doing:?} after {after} s");
        }
    }
}
