//! The verifier of the program, and the moment at which the cases happen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::ports::Clock;
use rolegate::verify::{Settings, Verifier};

use super::cases::NOW;

/// A verifier that has asked nothing yet.
pub(crate) fn verifier(clock: Arc<dyn Clock>) -> Verifier {
    Verifier::new(Settings::default(), clock, Metrics::default(), Health::default())
}

/// Always the moment of the cases for the claims of tokens; for ages and lifetimes, time as it passes.
#[derive(Debug)]
pub(crate) struct Moment(Instant);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Moment {
    fn unix_now(&self) -> i64 {
        NOW
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
