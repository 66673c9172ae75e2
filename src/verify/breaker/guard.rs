//! A breaker that is shared, has a clock, and shows what it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Breaker, Phase, Probe};
use crate::core::reason::Undecided;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::verify::error::Sign;

/// One mount's breaker: in `rolegate_review_breaker`, in `/readyz`, and one log line for each change.
pub(in crate::verify) struct Guard {
    mount: Arc<str>,
    subject: String,
    health: Health,
    metrics: Metrics,
    began: Instant,
    state: Mutex<Shown>,
}

struct Shown {
    breaker: Breaker,
    reason: Option<Undecided>,
}

impl Guard {
    pub(in crate::verify) fn new(mount: &Arc<str>, health: Health, metrics: Metrics) -> Self {
        metrics.review_breaker(mount, gauge(Phase::Closed));
        let subject = format!("mount {mount} circuit breaker");
        // That of a configuration before says nothing of this one.
        health.recovered(&subject);
        let state = Mutex::new(Shown { breaker: Breaker::default(), reason: None });
        Self { mount: Arc::clone(mount), subject, health, metrics, began: Instant::now(), state }
    }

    /// Whether the API server may be asked; else what the caller gets, at once.
    pub(in crate::verify) fn admit(&self) -> Result<(), Undecided> {
        let now = self.now();
        self.lock().breaker.admit(now)
    }

    /// Notes what came of a question. True where the caller has to begin with probes.
    pub(in crate::verify) fn learn(&self, sign: Sign) -> bool {
        let now = self.now();
        self.change(|breaker| {
            match sign {
                Sign::Alive => breaker.succeeded(),
                Sign::Failure => breaker.failed(),
                Sign::Overload(retry_after) => breaker.overloaded(retry_after, now, jitter()),
                Sign::None => {}
            }
            breaker.claim_probes()
        })
    }

    pub(in crate::verify) fn next_probe(&self) -> Option<Probe> {
        let now = self.now();
        self.change(|breaker| breaker.next_probe(now, jitter()))
    }

    pub(in crate::verify) fn begin_probe(&self) -> bool {
        self.change(Breaker::begin_probe)
    }

    /// Notes what came of a probe.
    pub(in crate::verify) fn end_probe(&self, sign: Sign, cause: Undecided) {
        let now = self.now();
        self.change(|breaker| {
            breaker.probe_ended(
                match sign {
                    Sign::Alive | Sign::Overload(_) => Ok(()),
                    Sign::Failure => Err(Some(cause)),
                    Sign::None => Err(None),
                },
                now,
            );
            if let Sign::Overload(retry_after) = sign {
                breaker.overloaded(retry_after, now, jitter());
            }
        });
    }

    /// The mount is gone.
    pub(in crate::verify) fn forget(&self) {
        self.health.recovered(&self.subject);
        self.metrics.forget_review_breaker(&self.mount);
    }

    /// Changes the breaker, and shows it where that makes a difference.
    fn change<T>(&self, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut state = self.lock();
        let before = state.breaker.phase();
        let outcome = change(&mut state.breaker);
        let (after, reason) = (state.breaker.phase(), state.breaker.reason());
        if before != after {
            self.metrics.review_breaker(&self.mount, gauge(after));
        }
        if state.reason != reason {
            state.reason = reason;
            self.tell(reason);
        }
        outcome
    }

    fn tell(&self, reason: Option<Undecided>) {
        let subject = &self.subject;
        let Some(reason) = reason.map(Undecided::name) else {
            self.health.recovered(subject);
            tracing::info!(subject, "the circuit breaker is closed");
            return;
        };
        let sentence = format!(
            "open: questions are answered with `{reason}` without the API server until a probe of it succeeds"
        );
        self.health.trouble(subject, &sentence);
        tracing::warn!(subject, reason, "the circuit breaker is open");
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn gauge(phase: Phase) -> u64 {
    match phase {
        Phase::Closed => 0,
        Phase::HalfOpen => 1,
        Phase::Open => 2,
    }
}

/// From 0 to 1, so that replicas do not keep step.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}
