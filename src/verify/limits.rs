//! How many questions an API server gets at a time, and how many more may wait.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::core::reason::Undecided;

/// The bounds of one mount.
#[derive(Debug)]
pub(super) struct Limits {
    in_flight: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// The right to ask, now or when others have their answer.
pub(super) enum Turn {
    Now(OwnedSemaphorePermit),
    Later(OwnedSemaphorePermit, Arc<Semaphore>),
}

impl Limits {
    pub(super) fn new(max_in_flight: usize, max_waiting: usize) -> Self {
        let of = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { in_flight: of(max_in_flight), waiting: of(max_waiting) }
    }

    /// A turn, unless too many wait for theirs.
    pub(super) fn turn(&self) -> Result<Turn, Undecided> {
        if let Ok(permit) = Arc::clone(&self.in_flight).try_acquire_owned() {
            return Ok(Turn::Now(permit));
        }
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Undecided::Overloaded)?;
        Ok(Turn::Later(place, Arc::clone(&self.in_flight)))
    }
}

impl Turn {
    /// Waits for the turn and then for the answer, both within `timeout`.
    pub(super) async fn take<T, F: Future<Output = Result<T, Undecided>>>(
        self,
        timeout: Duration,
        ask: impl FnOnce(Instant) -> F,
    ) -> Result<T, Undecided> {
        let end = Instant::now().checked_add(timeout).ok_or(Undecided::ApiServerNoAnswer)?;
        let permit = timeout_at(end, self.come(end)).await.map_err(|_| Undecided::Overloaded)??;
        // It ends by itself.
        let answer = ask(end).await;
        drop(permit);
        answer
    }

    async fn come(self, end: Instant) -> Result<OwnedSemaphorePermit, Undecided> {
        match self {
            Self::Now(permit) => Ok(permit),
            // The place in the queue is given up when the turn has come.
            Self::Later(_place, in_flight) => {
                let permit = in_flight.acquire_owned().await.map_err(|_| Undecided::Overloaded)?;
                if end <= Instant::now() { Err(Undecided::Overloaded) } else { Ok(permit) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Limits, Turn, Undecided};

    #[tokio::test]
    async fn one_asks_one_waits_and_a_third_is_refused() {
        let limits = Limits::new(1, 1);
        let first = limits.turn().unwrap();
        let second = limits.turn().unwrap();
        assert!(matches!((&first, &second), (Turn::Now(_), Turn::Later(..))));
        assert!(matches!(limits.turn(), Err(Undecided::Overloaded)));
        drop(first);
        let hour = Duration::from_secs(3600);
        assert_eq!(second.take(hour, |_| async { Ok(5) }).await.unwrap(), 5);
        assert!(matches!(limits.turn(), Ok(Turn::Now(_))));
    }

    #[tokio::test]
    async fn a_turn_that_does_not_come_in_time_is_overload_and_frees_its_place() {
        let limits = Limits::new(1, 1);
        let _held = limits.turn().unwrap();
        for _ in 0..2 {
            let waiting = limits.turn().unwrap();
            let outcome = waiting.take(Duration::from_millis(5), |_| async { Ok(()) }).await;
            assert!(matches!(outcome, Err(Undecided::Overloaded)));
        }
    }
}
