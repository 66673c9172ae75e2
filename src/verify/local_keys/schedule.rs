//! When published keys may be read: strangers cause it by naming unknown keys, so one at a time, and not often.

use std::time::Duration;

/// The least time from the start of one reading to the next, and from a failure to the next.
const SPACING: Duration = Duration::from_secs(10);
/// The most time from a failure to the next reading.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The readings of one mount's keys. All times are those of one clock that does not go back.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    is_reading: bool,
    not_before: Duration,
    /// How long to pause after the next failure.
    pause: Duration,
}

impl Schedule {
    /// Whether a reading may begin now; if so, it has begun.
    pub(super) fn begin(&mut self, now: Duration) -> bool {
        if !self.may_begin(now) {
            return false;
        }
        self.is_reading = true;
        self.not_before = now.saturating_add(SPACING);
        true
    }

    /// Whether a reading may begin.
    pub(super) fn may_begin(&self, now: Duration) -> bool {
        !self.is_reading && now >= self.not_before
    }

    /// The reading has ended, however.
    pub(super) const fn end(&mut self) {
        self.is_reading = false;
    }

    /// The reading was good.
    pub(super) const fn succeed(&mut self) {
        self.pause = SPACING;
    }

    /// The reading has failed: the next one waits, each time twice as long.
    pub(super) fn fail(&mut self, now: Duration) {
        let pause = self.pause.max(SPACING);
        self.not_before = self.not_before.max(now.saturating_add(pause));
        self.pause = pause.saturating_mul(2).min(MAX_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Schedule;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_reading_at_a_time_and_one_in_ten_seconds() {
        let mut schedule = Schedule::default();
        assert!(schedule.begin(at(0)));
        schedule.succeed();
        assert!(!schedule.begin(at(30)), "one is under way");
        schedule.end();
        assert!(schedule.begin(at(30)));
        schedule.end();
        assert!(!schedule.begin(Duration::from_millis(39_999)));
        assert!(schedule.begin(at(40)));
        schedule.end();
        assert!(!schedule.begin(at(49)) && schedule.begin(at(50)));
    }

    #[test]
    fn failures_pause_longer_and_longer_up_to_a_minute_until_one_is_good() {
        let mut schedule = Schedule::default();
        let mut now = 0;
        for pause in [10, 20, 40, 60, 60] {
            assert!(schedule.begin(at(now)));
            schedule.fail(at(now + 5));
            schedule.end();
            now += 5 + pause;
            assert!(!schedule.begin(at(now - 1)), "{pause}");
        }
        assert!(schedule.begin(at(now)));
        schedule.succeed();
        schedule.end();
        assert!(schedule.begin(at(now + 10)));
        schedule.fail(at(now + 10));
        schedule.end();
        assert!(!schedule.begin(at(now + 19)) && schedule.begin(at(now + 20)));
    }
}
