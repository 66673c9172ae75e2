//! The pauses before a watch begins anew.

use std::time::Duration;

use kube::runtime::utils::Backoff;

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(100);

/// Each pause is twice as long as the one before, up to a bound.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// Pauses up to this one, which is not shorter than 100 ms.
    pub const fn up_to(longest: Duration) -> Self {
        Self { next: SHORTEST, longest }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let next = self.next.saturating_mul(2).min(self.longest);
        Some(std::mem::replace(&mut self.next, next))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.next = SHORTEST;
    }
}
