//! When questions of a mount are answered without its API server: a state machine, free of time and chance.
//!
//! Failures in a row open it, but not alone: tokens that strangers send may fail one by one (a webhook that hangs for
//! them). Only a probe of rolegate's own, which no caller can influence, confirms that the API server fails. Whatever
//! succeeds closes it. While it is open, or may open, probes go on for as long as somebody asks.

mod guard;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use guard::Guard;

use crate::core::reason::Undecided;

/// Failures in a row, with no answer between them, that open the breaker once a probe has failed, too.
const FAILURES: u32 = 3;
/// Between two probes, the first time and from the second time on; less up to half of it by jitter.
const BETWEEN_PROBES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// For a probe while questions are not asked, so that it does not outlast the outage; each fourth one has the time of a
/// question, for slow servers. Only one with that time opens the breaker.
const PROBE: Duration = Duration::from_secs(1);
/// Probes end, and failures are forgotten, when nobody has asked for so long.
const UNUSED: Duration = Duration::from_secs(60);
/// How long questions are held back after a 429 that does not say, and at most; and up to a quarter more by jitter.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// As the metric has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    HalfOpen,
    Open,
}

/// One mount's breaker. Times are those of a clock that never goes back; `jitter` is from 0 to 1.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// What the last probe failed with, if nothing has succeeded since.
    confirmed: Option<Undecided>,
    /// The API server has asked to be left alone until then.
    held: Option<Duration>,
    /// A task probes.
    probes: bool,
    /// A probe is under way.
    is_probing: bool,
    /// The last probe had the time of a question.
    is_whole: bool,
    count: u32,
    asked: Duration,
}

/// A probe that is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) after: Duration,
    /// None: all the time of a question.
    pub(super) within: Option<Duration>,
}

impl Breaker {
    /// Whether a question may be asked; else what its caller gets.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Undecided> {
        self.asked = now;
        match (self.held, self.cause()) {
            (Some(_), _) => Err(Undecided::Overloaded),
            (None, Some(cause)) => Err(cause),
            (None, None) => Ok(()),
        }
    }

    /// The API server has answered. What it asked for before still holds.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.confirmed = None;
    }

    /// A question has failed by the API server's fault.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// The API server wants no questions for a while.
    pub(super) fn overloaded(&mut self, retry_after: Option<Duration>, now: Duration, jitter: f64) {
        let asked = retry_after.unwrap_or(RETRY_AFTER).min(LONGEST_RETRY_AFTER);
        let until = now.saturating_add(asked.mul_f64(1.0 + jitter / 4.0));
        self.held = self.held.max(Some(until));
    }

    /// True once: whoever gets it makes the probes.
    pub(super) fn claim_probes(&mut self) -> bool {
        self.is_needed() && !std::mem::replace(&mut self.probes, true)
    }

    /// The next probe, or none where the breaker is closed, or nobody asks any more.
    pub(super) fn next_probe(&mut self, now: Duration, jitter: f64) -> Option<Probe> {
        if !self.is_needed() || now.saturating_sub(self.asked) > UNUSED {
            *self = Self { asked: self.asked, ..Self::default() };
            return None;
        }
        let [first, others] = BETWEEN_PROBES;
        let between = if self.count == 0 { first } else { others }.mul_f64(1.0 - jitter / 2.0);
        self.is_whole = self.reason().is_none() || self.count % 4 == 3;
        let within = (!self.is_whole).then_some(PROBE);
        self.count = self.count.saturating_add(1);
        let after = self.held.map_or(between, |until| until.saturating_sub(now));
        Some(Probe { after, within })
    }

    /// A probe is to begin now; false where there is no need for it any more.
    pub(super) const fn begin_probe(&mut self) -> bool {
        self.is_probing = self.is_needed();
        self.is_probing
    }

    /// A probe has ended, without an answer where there is a cause.
    pub(super) fn probe_ended(&mut self, outcome: Result<(), Option<Undecided>>, now: Duration) {
        self.is_probing = false;
        self.held = self.held.filter(|until| now < *until);
        match outcome {
            Ok(()) => self.succeeded(),
            Err(Some(cause)) => {
                self.failed();
                if self.is_whole || self.confirmed.is_some() {
                    self.confirmed = Some(cause);
                }
            }
            // This process could not probe.
            Err(None) => {}
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match (self.held.is_some() || self.cause().is_some(), self.is_probing) {
            (false, _) => Phase::Closed,
            (true, true) => Phase::HalfOpen,
            (true, false) => Phase::Open,
        }
    }

    /// Why it answers without the API server.
    pub(super) fn reason(&self) -> Option<Undecided> {
        self.held.map(|_| Undecided::Overloaded).or_else(|| self.cause())
    }

    const fn is_needed(&self) -> bool {
        self.failures > 0 || self.held.is_some()
    }

    fn cause(&self) -> Option<Undecided> {
        self.confirmed.filter(|_| self.failures >= FAILURES)
    }
}
