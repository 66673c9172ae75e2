//! Questions under way, each shared by all who ask it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::SetOnce;

use super::demand::{Demand, Want};
use super::detached_task::DetachedTask;
use crate::core::reason::Undecided;
use crate::core::review_key::ReviewKey;

type Outcome<V> = Result<V, Undecided>;

/// The questions that are under way.
#[derive(Debug)]
pub(super) struct SingleFlight<V> {
    flights: Mutex<HashMap<ReviewKey, Arc<Flight<V>>>>,
}

#[derive(Debug)]
struct Flight<V> {
    demand: Arc<Demand>,
    outcome: SetOnce<Outcome<V>>,
}

impl<V> Flight<V> {
    /// Tells all who wait, once.
    fn tell(&self, outcome: Outcome<V>) {
        let _told_before = self.outcome.set(outcome);
    }
}

/// Which questions under way will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Any.
    Ever,
    /// One that was sent after this moment of the clock, or that is yet to be sent.
    After(Duration),
    /// One that is yet to be sent.
    Now,
}

/// How an asker comes to an answer.
pub(super) enum Lookup<V> {
    /// It is known already.
    Known(V),
    /// Somebody else has asked.
    Joined(FlightWaiter<V>),
    /// The asker has to see to it.
    Started(FlightOwner<V>, FlightWaiter<V>),
}

impl<V: Clone> Lookup<V> {
    /// How it came, as the metric names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Known(_) => "hit",
            Self::Joined(_) => "shared",
            Self::Started(..) => "miss",
        }
    }

    /// The answer, asked for by `start` if nobody does yet. Whoever asks does so here, and leaves it to a task for the others
    /// when its own time is over or its own caller goes away.
    pub(super) async fn outcome(self, start: impl FnOnce(FlightOwner<V>) -> DetachedTask) -> Outcome<V> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Joined(waiter) => waiter.outcome().await,
            Self::Started(owner, waiter) => {
                let task = start(owner);
                OwnFlight { waiter, task }.outcome().await
            }
        }
    }
}

impl<V: Clone> SingleFlight<V> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { flights: Mutex::default() })
    }

    /// Joins a question that is under way or starts one.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: ReviewKey,
        since: Since,
        want: Want,
        known: impl FnOnce() -> Option<V>,
    ) -> Lookup<V> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&key).filter(|flight| flight.demand.join(since, &want)) {
            return Lookup::Joined(FlightWaiter { flight: Arc::clone(flight), want });
        }
        // It may have ended since the asker looked.
        if since != Since::Now
            && let Some(value) = known()
        {
            return Lookup::Known(value);
        }
        let flight = Arc::new(Flight { demand: Demand::new(&want), outcome: SetOnce::new() });
        flights.insert(key, Arc::clone(&flight));
        let waiter = FlightWaiter { flight: Arc::clone(&flight), want };
        Lookup::Started(FlightOwner { flights: Arc::clone(self), key, flight }, waiter)
    }
}

impl<V> SingleFlight<V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<ReviewKey, Arc<Flight<V>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question in the hands of the one who asks it; it leaves the table when this is dropped.
pub(super) struct FlightOwner<V> {
    flights: Arc<SingleFlight<V>>,
    key: ReviewKey,
    flight: Arc<Flight<V>>,
}

impl<V> FlightOwner<V> {
    /// Who waits for the answer.
    pub(super) fn demand(&self) -> &Arc<Demand> {
        &self.flight.demand
    }

    /// Tells all who wait. `remember` is called unless a newer question for the same has taken this one's place.
    pub(super) fn end(self, outcome: Outcome<V>, remember: impl FnOnce(&V)) {
        let mut flights = self.flights.lock();
        if self.is_newest(&flights) {
            if let Ok(value) = &outcome {
                remember(value);
            }
            flights.remove(&self.key);
        }
        drop(flights);
        self.flight.tell(outcome);
    }

    fn is_newest(&self, flights: &HashMap<ReviewKey, Arc<Flight<V>>>) -> bool {
        flights.get(&self.key).is_some_and(|newest| Arc::ptr_eq(newest, &self.flight))
    }
}

impl<V> Drop for FlightOwner<V> {
    fn drop(&mut self) {
        if self.flight.outcome.initialized() {
            return;
        }
        let mut flights = self.flights.lock();
        if self.is_newest(&flights) {
            flights.remove(&self.key);
        }
        drop(flights);
        // The one who asked has failed, or nobody waits.
        self.flight.tell(Err(Undecided::ApiServerError));
    }
}

/// One who waits for an answer; counted until this is dropped.
pub(super) struct FlightWaiter<V> {
    flight: Arc<Flight<V>>,
    want: Want,
}

impl<V: Clone> FlightWaiter<V> {
    /// The answer, or why there is none within the time of the one who waits.
    async fn outcome(self) -> Outcome<V> {
        match tokio::time::timeout_at(self.want.until().into(), self.flight.outcome.wait()).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => Err(self.too_late()),
        }
    }

    /// Why its time is over without an answer.
    fn too_late(&self) -> Undecided {
        if self.want.is_callers_own() {
            Undecided::Deadline
        } else if self.flight.demand.is_sent() {
            Undecided::ApiServerNoAnswer
        } else {
            Undecided::Overloaded
        }
    }
}

impl<V> Drop for FlightWaiter<V> {
    fn drop(&mut self) {
        self.flight.demand.leave();
    }
}

/// A waiter that asks itself. In this order: when it goes away, it is counted off before the work asks who is left.
struct OwnFlight<V> {
    waiter: FlightWaiter<V>,
    task: DetachedTask,
}

impl<V: Clone> OwnFlight<V> {
    async fn outcome(mut self) -> Outcome<V> {
        // The work ends by itself, too, and its word comes first.
        match tokio::time::timeout_at(self.waiter.want.until().into(), &mut self.task).await {
            Ok(()) => self.waiter.flight.outcome.get().cloned().unwrap_or(Err(Undecided::ApiServerError)),
            Err(_) => Err(self.waiter.too_late()),
        }
    }
}
