//! How many questions an API server is asked at a time: as many as it answers without a queue of its own.
//!
//! What waits inside an API server is answered in the order in which it came, whoever sent it; what waits here takes turns.
//! So where answers take more than twice as long as that of a question that is alone there, fewer are sent at a time; where
//! they do not, more are, up to `max_in_flight`. The rule is the gradient of Netflix's concurrency-limits, whose origin is
//! TCP Vegas (Brakmo and Peterson, 1995). While fewer are sent, one is sent alone every few seconds: an API server that
//! has become slower, but is not too busy, is not held back for long.

use std::time::{Duration, Instant};

/// How much longer than alone an answer may take among others, and how much longer in any case: below, it is noise.
const TOLERANCE: f64 = 2.0;
const NOISE: f64 = 0.001;
/// What is sent beyond what the latency allows, to find out whether more would do.
const SPARE: f64 = 1.0;
/// Fewer are never sent, or `max_in_flight` where that is less.
const LEAST: usize = 2;
/// How much of the difference one answer makes up for.
const STEP: f64 = 0.2;
/// How old the latency of a question alone may be while fewer than `max_in_flight` are sent.
const STALE: Duration = Duration::from_secs(5);

/// The limit of one API server.
#[derive(Debug)]
pub(super) struct Concurrency {
    most: usize,
    limit: f64,
    /// Seconds that a question takes that is alone, and when the newest of these was answered.
    alone: Option<(f64, Instant)>,
    /// Seconds that questions have taken of late.
    recent: f64,
}

/// A question that is not in flight any more.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct Ended {
    /// How long it took.
    pub(in crate::verify) took: Duration,
    /// No other was in flight, neither when it was sent nor when it ended.
    pub(in crate::verify) was_alone: bool,
    /// It was answered.
    pub(in crate::verify) is_answered: bool,
}

impl Concurrency {
    /// At first as many are sent at a time as may be.
    pub(super) fn new(most: usize) -> Self {
        let limit = most as f64;
        Self { most, limit, alone: None, recent: 0.0 }
    }

    /// How many may be in flight at this moment.
    pub(super) fn limit(&self, now: Instant) -> usize {
        let limit = (self.limit as usize).clamp(LEAST.min(self.most), self.most);
        let is_stale = self.alone.is_some_and(|(_, at)| now.saturating_duration_since(at) >= STALE);
        if limit < self.most && is_stale { 1 } else { limit }
    }

    /// Takes one question into account.
    pub(super) fn record(&mut self, ended: Ended, now: Instant) {
        let took = ended.took.as_secs_f64();
        if ended.was_alone {
            let alone = match self.alone {
                Some((alone, _)) if ended.is_answered => alone + (took - alone) / 4.0,
                Some((alone, _)) => alone,
                None if ended.is_answered => took,
                None => return,
            };
            self.alone = Some((alone, now));
        }
        // One that failed at once says nothing of how fast answers are.
        if !ended.is_answered && took < self.recent {
            return;
        }
        let difference = took - self.recent;
        self.recent += difference / if difference < 0.0 { 3.0 } else { 8.0 };
        let Some((alone, _)) = self.alone else { return };
        let allowed = (TOLERANCE * (alone + NOISE) / self.recent.max(NOISE)).min(1.0);
        let wanted = self.limit * allowed + SPARE;
        let most = self.most as f64;
        self.limit = (self.limit + (wanted - self.limit) * STEP).clamp(1.0, most.max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Concurrency, Ended, LEAST, STALE};

    const MS: Duration = Duration::from_millis(1);

    /// An API server behind a limit that is always used to the full.
    struct Run {
        concurrency: Concurrency,
        now: Instant,
    }

    impl Run {
        fn new(most: usize) -> Self {
            let mut run = Self { concurrency: Concurrency::new(most), now: Instant::now() };
            run.ended(5 * MS, true, true);
            run
        }

        fn ended(&mut self, took: Duration, was_alone: bool, is_answered: bool) {
            self.concurrency.record(Ended { took, was_alone, is_answered }, self.now);
        }

        fn limit(&self) -> usize {
            self.concurrency.limit(self.now)
        }

        /// So many answers of an API server that takes so long for each with so many in flight.
        fn answers(&mut self, count: usize, took: impl Fn(u32) -> Duration) {
            for _ in 0..count {
                let limit = u32::try_from(self.limit()).unwrap();
                self.now += took(limit) / limit;
                self.ended(took(limit), limit == 1, true);
            }
        }
    }

    #[test]
    fn what_is_answered_one_after_the_other_is_not_sent_by_the_dozen() {
        let mut run = Run::new(64);
        run.answers(200, |in_flight| 5 * MS * in_flight);
        assert!((LEAST..=5).contains(&run.limit()), "{}", run.limit());
        // However long that lasts.
        run.answers(20_000, |in_flight| 5 * MS * in_flight);
        assert!(run.limit() <= 5, "{}", run.limit());
    }

    #[test]
    fn what_is_answered_side_by_side_is_sent_side_by_side() {
        let mut run = Run::new(64);
        for round in 0..1000 {
            run.answers(1, |_| (4 + round % 4) * MS);
        }
        assert_eq!(run.limit(), 64);
    }

    #[test]
    fn an_api_server_that_has_become_slower_for_each_is_not_held_back_for_long() {
        let mut run = Run::new(64);
        run.answers(300, |_| 50 * MS);
        assert!(run.limit() < 64);
        let began = run.now;
        while run.limit() < 64 {
            run.answers(1, |_| 50 * MS);
        }
        assert!(run.now - began < 10 * STALE, "{:?}", run.now - began);
    }

    #[test]
    fn after_an_outage_as_many_are_sent_as_before() {
        let mut run = Run::new(64);
        for _ in 0..200 {
            run.now += 10 * MS;
            run.ended(Duration::from_secs(5), false, false);
        }
        assert!(run.limit() <= LEAST);
        run.answers(1000, |_| 5 * MS);
        assert_eq!(run.limit(), 64);
    }

    #[test]
    fn a_failure_at_once_makes_no_answer_look_slow() {
        let mut run = Run::new(64);
        for _ in 0..100 {
            run.ended(MS / 100, true, false);
        }
        run.answers(100, |_| 5 * MS);
        assert_eq!(run.limit(), 64);
    }

    #[test]
    fn a_small_limit_stays_as_it_is_configured() {
        for most in [1, 2] {
            let mut run = Run::new(most);
            run.answers(100, |in_flight| 500 * MS * in_flight);
            run.now += STALE;
            assert_eq!(run.limit(), most);
        }
    }
}
