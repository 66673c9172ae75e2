//! The bookkeeping of one mount's admission: pure, on times that are given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::concurrency::{Concurrency, Ended};
use super::fair_queue::FairQueue;
use super::flow::Flow;
use super::latency::Latency;

/// What is asked; each kind has a latency of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Kind {
    /// A TokenReview.
    Review,
    /// An object: a namespace, a service account.
    Object,
}

/// Why a question is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Refusal {
    /// Its wait and its answer would take longer than its callers wait.
    NoTime,
    /// All places are taken, and its flow holds as many as any other.
    QueueFull,
    /// A flow that holds less has taken its place.
    Displaced,
    /// Its turn came too late for an answer, or not in time.
    Late,
    /// Nobody wants it any more.
    Abandoned,
}

impl Refusal {
    /// The name in the metric.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NoTime => "no_time",
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::Late => "late",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The bounds of one mount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) max_in_flight: usize,
    pub(super) max_waiting: usize,
}

/// What is in flight, and who waits. `A` is how a waiter is told.
#[derive(Debug)]
pub(super) struct State<A> {
    max_waiting: usize,
    concurrency: Concurrency,
    in_flight: usize,
    queue: FairQueue,
    waiters: HashMap<u64, Waiter<A>>,
    next_waiter: u64,
    reviews: Latency,
    objects: Latency,
    // How long a question holds its place at the API server.
    service: Latency,
    newest_sent: Option<Instant>,
}

#[derive(Debug)]
struct Waiter<A> {
    flow: Flow,
    kind: Kind,
    until: Instant,
    answer: A,
}

/// A question that was let in.
#[derive(Debug)]
pub(super) enum Entered<A> {
    /// It is in flight from now on.
    Granted,
    /// It waits; another may have lost its place to it.
    Waits { waiter: u64, displaced: Option<A> },
}

/// What was decided of a waiter that has left the queue; one that is granted is in flight.
#[derive(Debug)]
pub(super) struct Decided<A> {
    pub(super) answer: A,
    pub(super) outcome: Result<(), Refusal>,
}

impl<A> State<A> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            max_waiting: bounds.max_waiting,
            concurrency: Concurrency::new(bounds.max_in_flight),
            in_flight: 0,
            queue: FairQueue::default(),
            waiters: HashMap::new(),
            next_waiter: 0,
            reviews: Latency::default(),
            objects: Latency::default(),
            service: Latency::default(),
            newest_sent: None,
        }
    }

    /// Lets a question in that is wanted until then.
    ///
    /// # Errors
    /// Where there is no time for it, or no place.
    pub(super) fn enter(
        &mut self,
        flow: Flow,
        kind: Kind,
        until: Instant,
        now: Instant,
        answer: A,
    ) -> Result<Entered<A>, Refusal> {
        let left = until.saturating_duration_since(now);
        if self.in_flight < self.concurrency.limit(now) && self.queue.len() == 0 {
            self.check_time(kind, left, now)?;
            self.send(now);
            return Ok(Entered::Granted);
        }
        let wait = self.expected_wait(self.queue.ahead_of(flow), now);
        if wait.saturating_add(self.expected_answer(kind, now)) > left {
            return Err(Refusal::NoTime);
        }
        let mut displaced = None;
        if self.queue.len() >= self.max_waiting {
            let victim = self.queue.displace_for(flow).ok_or(Refusal::QueueFull)?;
            displaced = self.waiters.remove(&victim).map(|waiter| waiter.answer);
        }
        let waiter = self.next_waiter;
        self.next_waiter = self.next_waiter.wrapping_add(1);
        self.queue.push(flow, waiter);
        self.waiters.insert(waiter, Waiter { flow, kind, until, answer });
        Ok(Entered::Waits { waiter, displaced })
    }

    /// A waiter is wanted until later, or belongs to a better class. It does not lose its place by it.
    pub(super) fn update(&mut self, waiter: u64, flow: Flow, until: Instant) {
        let Some(known) = self.waiters.get_mut(&waiter) else { return };
        known.until = known.until.max(until);
        if flow.is_better_than(known.flow) && self.queue.remove(known.flow, waiter) {
            known.flow = flow;
            self.queue.push(flow, waiter);
        }
    }

    /// Takes a waiter out of the queue; none where it is not in it any more.
    pub(super) fn remove(&mut self, waiter: u64) -> Option<A> {
        let known = self.waiters.remove(&waiter)?;
        self.queue.remove(known.flow, waiter);
        Some(known.answer)
    }

    /// So many questions are in flight no more.
    pub(super) fn release(&mut self, questions: usize) {
        self.in_flight = self.in_flight.saturating_sub(questions);
    }

    /// A question is not in flight any more.
    pub(super) fn record(&mut self, kind: Kind, ended: Ended, now: Instant) {
        let took = ended.took;
        self.concurrency.record(ended, now);
        match kind {
            Kind::Review => self.reviews.record(took, now),
            Kind::Object => self.objects.record(took, now),
        }
        self.service.record(took, now);
    }

    /// Those whose turn has come, in order: sent while there is room, or refused where no time is left for an answer.
    pub(super) fn dispatch(&mut self, now: Instant) -> Vec<Decided<A>> {
        let mut decided = Vec::new();
        while self.in_flight < self.concurrency.limit(now) {
            let Some(waiter) = self.queue.pop() else { break };
            let Some(Waiter { kind, until, answer, .. }) = self.waiters.remove(&waiter) else { continue };
            let left = until.saturating_duration_since(now);
            let outcome = self.check_time(kind, left, now).map_err(|_| Refusal::Late);
            if outcome.is_ok() {
                self.send(now);
            }
            decided.push(Decided { answer, outcome });
        }
        decided
    }

    fn send(&mut self, now: Instant) {
        self.in_flight = self.in_flight.saturating_add(1);
        self.newest_sent = Some(now);
    }

    /// Whether an answer is to be expected in the time that is left. With nothing in flight any time will do.
    fn check_time(&self, kind: Kind, left: Duration, now: Instant) -> Result<(), Refusal> {
        let is_probe = self.in_flight == 0 && !left.is_zero();
        if is_probe || (!left.is_zero() && self.expected_answer(kind, now) <= left) {
            Ok(())
        } else {
            Err(Refusal::NoTime)
        }
    }

    fn expected_answer(&self, kind: Kind, now: Instant) -> Duration {
        let latency = match kind {
            Kind::Review => &self.reviews,
            Kind::Object => &self.objects,
        };
        latency.expected(now).max(self.standstill(now))
    }

    /// How long a newcomer waits with so many ahead.
    fn expected_wait(&self, ahead: usize, now: Instant) -> Duration {
        let service = self.service.mean(now).max(self.standstill(now));
        let turns = u32::try_from(ahead.saturating_add(1)).unwrap_or(u32::MAX);
        let slots = u32::try_from(self.concurrency.limit(now)).unwrap_or(u32::MAX).max(1);
        service.saturating_mul(turns) / slots
    }

    /// For how long nothing was sent because everything in flight waits for its answer: an answer takes at least as long.
    fn standstill(&self, now: Instant) -> Duration {
        match self.newest_sent {
            Some(sent) if self.in_flight >= self.concurrency.limit(now) => {
                now.saturating_duration_since(sent)
            }
            _ => Duration::ZERO,
        }
    }

    /// How many may be in flight at this moment.
    pub(super) fn limit(&self, now: Instant) -> usize {
        self.concurrency.limit(now)
    }

    /// Whether questions wait, or half of those that may be in flight are.
    pub(super) fn is_contended(&self, now: Instant) -> bool {
        self.queue.len() > 0 || self.in_flight.saturating_mul(2) >= self.concurrency.limit(now)
    }

    /// Whether one question is in flight and no other.
    pub(super) const fn is_one_alone(&self) -> bool {
        self.in_flight == 1
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        debug_assert_eq!(self.queue.len(), self.waiters.len());
        self.queue.len()
    }

    /// How many are in flight.
    #[cfg(test)]
    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }
}

#[cfg(test)]
mod tests;
