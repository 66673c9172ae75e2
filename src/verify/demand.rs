//! Who waits for one question, for how long, and with what claim to a turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::admission::{Admission, Entry, Flow, Kind, Permit, Refusal, Waiting};
use super::single_flight::Since;
use crate::core::reason::Undecided;
use crate::ports::Caller;

/// What one caller wants of a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    flow: Flow,
    /// When the caller's own deadline is, if it comes first.
    deadline: Option<Instant>,
    /// `review.timeout` after the ask began.
    ends: Instant,
}

impl Want {
    /// What a caller of this flow wants.
    pub(super) fn new(caller: &Caller, flow: Flow, timeout: Duration) -> Self {
        let ends = caller.began.checked_add(timeout).unwrap_or(caller.began);
        Self { flow, deadline: caller.deadline.filter(|deadline| *deadline < ends), ends }
    }

    /// When it stops waiting.
    pub(super) fn until(&self) -> Instant {
        self.deadline.unwrap_or(self.ends)
    }

    /// Nothing is begun for a caller that has stopped to wait.
    ///
    /// # Errors
    /// Where its time is over.
    pub(super) fn not_over(&self) -> Result<(), Undecided> {
        if self.until() <= tokio::time::Instant::now().into_std() { Err(Undecided::Deadline) } else { Ok(()) }
    }

    /// Whether it is the caller that stops, and not `review.timeout`.
    pub(super) const fn is_callers_own(&self) -> bool {
        self.deadline.is_some()
    }
}

/// All who wait for one question: the latest of their deadlines and the best of their classes count.
#[derive(Debug)]
pub(super) struct Demand(Mutex<State>);

#[derive(Debug)]
struct State {
    callers: usize,
    flow: Flow,
    until: Instant,
    ends: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    New,
    Waits(Arc<Admission>, u64),
    /// At this moment of the clock.
    Sent(Duration),
}

impl Demand {
    /// Of one caller.
    pub(super) fn new(want: &Want) -> Arc<Self> {
        let Want { flow, ends, .. } = *want;
        Arc::new(Self(Mutex::new(State { callers: 1, flow, until: want.until(), ends, phase: Phase::New })))
    }

    /// Counts one more caller, unless this question does not do for it, or was given up.
    pub(super) fn join(&self, since: Since, want: &Want) -> bool {
        let mut state = self.lock();
        let does = match (&state.phase, since) {
            (Phase::Sent(_), Since::Ever) => true,
            (Phase::Sent(at), Since::After(since)) => *at > since,
            (Phase::Sent(_), Since::Now) => false,
            _ => state.callers > 0,
        };
        if !does {
            return false;
        }
        state.callers = state.callers.saturating_add(1);
        state.until = state.until.max(want.until());
        state.ends = state.ends.max(want.ends);
        if want.flow.is_better_than(state.flow) {
            state.flow = want.flow;
        }
        if let Phase::Waits(admission, waiter) = &state.phase {
            admission.update(*waiter, state.flow, state.until);
        }
        true
    }

    /// Counts one caller less. A question that waits for its turn is given up with the last one.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.callers = state.callers.saturating_sub(1);
        if state.callers == 0
            && let Phase::Waits(admission, waiter) = &state.phase
        {
            admission.abandon(*waiter);
        }
    }

    /// Whether the question is to go on when the one who asks it goes away: others wait, or it was sent.
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.lock();
        state.callers > 0 || matches!(state.phase, Phase::Sent(_))
    }

    /// Whether it was sent.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.lock().phase, Phase::Sent(_))
    }

    /// Asks for a turn.
    ///
    /// # Errors
    /// Where it is refused at once.
    pub(super) fn enter(&self, admission: &Arc<Admission>, kind: Kind) -> Result<Entry, Refusal> {
        let mut state = self.lock();
        let entry = admission.enter(state.flow, kind, state.until)?;
        if let Entry::Waiting(waiting) = &entry {
            state.phase = Phase::Waits(Arc::clone(admission), waiting.waiter());
        }
        Ok(entry)
    }

    /// Waits for the turn, as long as anybody wants.
    ///
    /// # Errors
    /// Where it does not come in time.
    pub(super) async fn granted(&self, waiting: Waiting) -> Result<Permit, Refusal> {
        waiting.granted(|| self.lock().until).await
    }

    /// The question is sent at this moment of the clock: from now on its answer may be older than a new question. Says until
    /// when there may be an answer.
    pub(super) fn sent(&self, at: Duration) -> Instant {
        let mut state = self.lock();
        state.phase = Phase::Sent(at);
        state.ends
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
