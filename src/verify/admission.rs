//! Which questions an API server is asked, and when: the one gate before every request to a mount's API server.
//!
//! * At most `max_in_flight` questions are sent at a time, fewer where the API server begins to queue them (see
//!   [`concurrency`]), and at most `max_waiting` wait, for each mount.
//! * A question is sent only while there is time for its answer: its expected wait and the API server's recent latency
//!   fit into the time that its callers have left, when it comes and again when its turn comes. What does not fit is
//!   refused at once. With nothing in flight a question is always sent, so that a bad estimate is corrected.
//! * Turns are taken between doors, classes and flows (see [`fair_queue`]). When all places are taken, a newcomer takes
//!   the place of the newest waiter of the flow that holds the most, unless its own flow holds as many.
//! * A question whose callers have all gone away leaves the queue at once.
//!
//! What is refused here is an overload that strangers can bring about. It leaves as a denial.

mod concurrency;
mod fair_queue;
mod flow;
mod latency;
mod overload;
mod ring;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use concurrency::Ended;
pub(super) use flow::{Flow, Flows};
use overload::Overload;
use state::{Bounds, Decided, Entered, State};
pub(super) use state::{Kind, Refusal};

use super::Settings;
use crate::health::Health;
use crate::metrics::{AdmissionGauges, Metrics};

/// Before one mount's API server.
#[derive(Debug)]
pub(super) struct Admission {
    state: Mutex<State<Answer>>,
    gauges: AdmissionGauges,
    overload: Overload,
}

type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Entry {
    /// It may be sent.
    Granted(Permit),
    /// It waits for its turn.
    Waiting(Waiting),
}

/// The right to one request to the API server, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    kind: Kind,
    began: Instant,
    // It came at once.
    pub(super) is_immediate: bool,
    was_alone: bool,
    is_answered: bool,
}

/// A place in the queue, given up when this is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    admission: Arc<Admission>,
    waiter: u64,
    kind: Kind,
    // None once the answer is known.
    answer: Option<oneshot::Receiver<Result<(), Refusal>>>,
}

impl Admission {
    /// For a mount with at most so many questions in flight and waiting.
    pub(super) fn new(
        settings: &Settings,
        mount: &Arc<str>,
        metrics: &Metrics,
        health: &Health,
    ) -> Arc<Self> {
        let Settings { max_in_flight, max_waiting, .. } = *settings;
        let gauges = metrics.admission(mount);
        gauges.limit.set(i64::try_from(max_in_flight).unwrap_or(i64::MAX));
        Arc::new(Self {
            state: Mutex::new(State::new(Bounds { max_in_flight: max_in_flight.max(1), max_waiting })),
            gauges,
            overload: Overload::new(mount, metrics, health),
        })
    }

    /// Lets a question in that is wanted until then.
    ///
    /// # Errors
    /// Where there is no time for it, or no place.
    pub(super) fn enter(self: &Arc<Self>, flow: Flow, kind: Kind, until: Instant) -> Result<Entry, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let now = now();
        let entered = self.lock().enter(flow, kind, until, now, sender);
        match entered {
            Ok(Entered::Granted) => {
                self.gauges.in_flight.inc();
                Ok(Entry::Granted(self.permit(kind, true)))
            }
            Ok(Entered::Waits { waiter, displaced }) => {
                self.gauges.waiting.inc();
                if let Some(displaced) = displaced {
                    self.tell(displaced, Err(Refusal::Displaced));
                }
                Ok(Entry::Waiting(Waiting {
                    admission: Arc::clone(self),
                    waiter,
                    kind,
                    answer: Some(receiver),
                }))
            }
            Err(refusal) => {
                self.overload.refused(refusal, now);
                Err(refusal)
            }
        }
    }

    /// Whether a question may have to wait for its turn.
    pub(super) fn is_contended(&self) -> bool {
        self.lock().is_contended(now())
    }

    /// A waiting question is wanted longer, or by a caller with a better claim. Nothing where it does not wait any more.
    pub(super) fn update(&self, waiter: u64, flow: Flow, until: Instant) {
        self.lock().update(waiter, flow, until);
    }

    /// Nobody wants a waiting question any more.
    pub(super) fn abandon(&self, waiter: u64) {
        let removed = self.lock().remove(waiter);
        if let Some(answer) = removed {
            self.tell(answer, Err(Refusal::Abandoned));
        }
    }

    fn permit(self: &Arc<Self>, kind: Kind, is_immediate: bool) -> Permit {
        let was_alone = self.lock().is_one_alone();
        Permit {
            admission: Arc::clone(self),
            kind,
            began: now(),
            is_immediate,
            was_alone,
            is_answered: false,
        }
    }

    /// Gives back what was granted and sends those whose turn it is.
    fn release(&self, mut permit: Option<&Permit>) {
        let mut returned = 1_usize;
        while returned > 0 {
            self.gauges.in_flight.dec_by(i64::try_from(returned).unwrap_or_default());
            let now = now();
            let decided = {
                let mut state = self.lock();
                if let Some(permit) = permit.take() {
                    let ended = Ended {
                        took: now.saturating_duration_since(permit.began),
                        was_alone: permit.was_alone && state.is_one_alone(),
                        is_answered: permit.is_answered,
                    };
                    state.record(permit.kind, ended, now);
                    self.gauges.limit.set(i64::try_from(state.limit(now)).unwrap_or(i64::MAX));
                }
                state.release(returned);
                state.dispatch(now)
            };
            // Told without the lock, for a receiver that is gone gives its turn back.
            returned = decided
                .into_iter()
                .filter_map(|Decided { answer, outcome }| {
                    let granted = outcome.is_ok();
                    (!self.tell(answer, outcome) && granted).then_some(())
                })
                .count();
        }
    }

    /// Tells a waiter, which has left the queue; whether it still listened.
    fn tell(&self, answer: Answer, outcome: Result<(), Refusal>) -> bool {
        self.gauges.waiting.dec();
        match outcome {
            Ok(()) => {
                self.gauges.in_flight.inc();
            }
            Err(refusal) => self.overload.refused(refusal, now()),
        }
        answer.send(outcome).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, State<Answer>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// By which the place can be updated and given up.
    pub(super) const fn waiter(&self) -> u64 {
        self.waiter
    }

    /// Waits for the turn, at most until the moment that `until` says, which may become later meanwhile.
    ///
    /// # Errors
    /// Where the turn does not come in time, or its place is another's.
    pub(super) async fn granted(mut self, until: impl Fn() -> Instant + Send) -> Result<Permit, Refusal> {
        loop {
            let end = until();
            let Some(answer) = &mut self.answer else { return Err(Refusal::Abandoned) };
            match timeout_at(end.into(), answer).await {
                Ok(outcome) => {
                    self.answer = None;
                    outcome.unwrap_or(Err(Refusal::Abandoned))?;
                    return Ok(self.admission.permit(self.kind, false));
                }
                Err(_) if until() > end => {}
                Err(_) => {
                    self.leave(Refusal::Late);
                    return Err(Refusal::Late);
                }
            }
        }
    }

    fn leave(&mut self, refusal: Refusal) {
        let Some(mut answer) = self.answer.take() else { return };
        let removed = self.admission.lock().remove(self.waiter);
        if removed.is_some() {
            self.admission.gauges.waiting.dec();
            self.admission.overload.refused(refusal, now());
            return;
        }
        // Its turn may have come at this moment.
        answer.close();
        if matches!(answer.try_recv(), Ok(Ok(()))) {
            self.admission.release(None);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave(Refusal::Abandoned);
    }
}

impl Permit {
    /// The question was answered, whatever the answer says.
    pub(super) fn answered(&mut self) {
        self.is_answered = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.release(Some(self));
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
