//! The places of a listener while it runs: who comes, who closes, who is ended, and what operators see of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::patience::Patience;
use super::places::{Admission, Doing, Network, Number, Occupant as _, Places};
use crate::health::Health;
use crate::metrics::ListenerMetrics;

/// Between two looks at all connections.
const LOOK: Duration = Duration::from_millis(500);

/// The same while the listener drains.
const LOOK_DRAINING: Duration = Duration::from_millis(100);

/// How long the running requests of a connection that has lost its place are waited for, where descriptors allow it.
const UNFINISHED: Duration = Duration::from_secs(10);

/// How long a listener counts as full after a newcomer has found no free place.
const FULL: Duration = Duration::from_secs(10);

/// What a full listener is said to be.
const SENTENCE: &str = "all places for connections are taken; a newcomer takes the place of an idle connection, or of a \
                        peer that holds more than its share, and is refused where there is none";

/// The places of a listener. Locked for moments, and never while something is waited for.
#[derive(Debug)]
pub(super) struct Occupancy {
    name: &'static str,
    started: Instant,
    /// How many there may be; changes while the listener runs.
    capacity: Arc<AtomicUsize>,
    most: Patience,
    state: Mutex<State>,
    closed: Notify,
    metrics: ListenerMetrics,
    health: Health,
}

#[derive(Debug)]
struct State {
    places: Places<Arc<Activity>>,
    /// When a newcomer last found no free place; none: the listener does not count as full.
    full: Option<Duration>,
}

impl Occupancy {
    /// An empty listener. `most` is what connections are waited for while there are places.
    pub(super) fn new(
        name: &'static str,
        capacity: Arc<AtomicUsize>,
        needs_certificate: bool,
        most: Patience,
        metrics: ListenerMetrics,
        health: Health,
    ) -> Arc<Self> {
        let places = capacity.load(Ordering::Relaxed);
        metrics.places.set(count(places));
        Arc::new(Self {
            name,
            started: Instant::now(),
            capacity,
            most,
            state: Mutex::new(State { places: Places::new(places, needs_certificate), full: None }),
            closed: Notify::new(),
            metrics,
            health,
        })
    }

    /// Waits until one more connection may be accepted. Those that have lost their place and still close are cut for it.
    pub(super) async fn descriptor(&self) {
        while !self.has_descriptor() {
            // A connection that closed in between has left a permit behind.
            self.closed.notified().await;
        }
    }

    /// Whether one more connection may be accepted; if not, one of those that are leaving is cut.
    pub(super) fn has_descriptor(&self) -> bool {
        let state = self.lock();
        if state.places.has_descriptor() {
            return true;
        }
        if let Some(leaving) = state.places.first_to_cut(self.now()) {
            leaving.end();
        }
        false
    }

    /// Gives a connection its place, and asks another one to end where there is no free one. None: it is refused.
    pub(super) fn enter(
        self: &Arc<Self>,
        peer: IpAddr,
        shakes_hands: bool,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Option<Seat> {
        let activity = Activity::new(self.started, shakes_hands, stop, cut);
        let (network, now) = (Network::from(peer), self.now());
        let mut state = self.lock();
        let admission = state.places.admit(network, Arc::clone(&activity), now);
        let number = match admission {
            Admission::Free(number) => number,
            Admission::Displacing(number, victim) => {
                self.is_full(&mut state, now);
                self.metrics.displaced.inc();
                victim.dismiss();
                number
            }
            Admission::Refused => {
                self.is_full(&mut state, now);
                self.metrics.refused.inc();
                return None;
            }
        };
        self.metrics.connections.set(count(state.places.connections()));
        drop(state);
        Some(Seat { occupancy: Arc::clone(self), network, number, activity })
    }

    /// Looks at all connections again and again, for ever.
    pub(super) async fn keep(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look(None);
        }
    }

    /// The same for a listener that drains from now on.
    pub(super) async fn drain(&self) {
        let since = self.now();
        loop {
            tokio::time::sleep(LOOK_DRAINING).await;
            self.look(Some(since));
        }
    }

    /// Connections at this moment.
    pub(super) fn connections(&self) -> usize {
        self.lock().places.connections()
    }

    /// Ends what was told to end and has not, and what uses its place too little for how scarce places are.
    fn look(&self, draining: Option<Duration>) {
        let now = self.now();
        let mut state = self.lock();
        let capacity = self.capacity.load(Ordering::Relaxed);
        if capacity != state.places.capacity() {
            state.places.set_capacity(capacity);
            self.metrics.places.set(count(capacity));
            // More may be accepted now.
            self.closed.notify_one();
        }
        for activity in state.places.trim(now) {
            self.metrics.displaced.inc();
            activity.dismiss();
        }
        for activity in state.places.all().filter(|activity| activity.is_overdue(now, draining, UNFINISHED)) {
            activity.end();
        }
        if draining.is_some() {
            return;
        }
        self.end_unused(&state.places, now);
        if state.places.open() >= capacity {
            self.is_full(&mut state, now);
        } else {
            self.is_no_longer_full(&mut state, now);
        }
    }

    /// Ends what uses its place too little for how scarce places are. Connections that sent a request and run none are
    /// ended only where such connections are what fills the places, and only those of networks that hold many: a flood
    /// of silent ones ends no proxy's idle connection.
    fn end_unused(&self, places: &Places<Arc<Activity>>, now: Duration) {
        let spoke = places.all().filter(|activity| activity.standing(now).doing >= Doing::Idle).count();
        let [silent, idle] =
            [places.open(), spoke].map(|taken| Patience::when(taken, places.capacity(), self.most));
        for (activity, holds_many) in places.holders().filter(|(activity, _)| !activity.is_dismissed()) {
            let standing = activity.standing(now);
            let is_idle = standing.doing == Doing::Idle;
            let patience = if is_idle { idle.filter(|_| holds_many) } else { silent };
            if patience.is_some_and(|patience| patience.is_over(standing, now)) {
                let counter = if is_idle { &self.metrics.idle } else { &self.metrics.greeting };
                counter.inc();
                activity.dismiss();
            }
        }
    }

    /// Notes that there is no free place: one line in the log, and detail in `/readyz`, until there is for a while.
    fn is_full(&self, state: &mut State, now: Duration) {
        if state.full.replace(now).is_none() {
            self.health.trouble(&self.subject(), SENTENCE);
            let (places, networks) = (state.places.capacity(), state.places.networks());
            tracing::warn!(listener = self.name, places, networks, "a listener is full: {SENTENCE}");
        }
    }

    fn is_no_longer_full(&self, state: &mut State, now: Duration) {
        let plenty = state.places.open() <= state.places.capacity() / 8 * 7;
        if plenty && state.full.is_some_and(|since| now >= since + FULL) {
            state.full = None;
            self.health.recovered(&self.subject());
            let connections = state.places.connections();
            tracing::info!(listener = self.name, connections, "the listener has free places again");
        }
    }

    fn close(&self, network: Network, number: Number) {
        let mut state = self.lock();
        state.places.close(network, number);
        self.metrics.connections.set(count(state.places.connections()));
        drop(state);
        self.closed.notify_one();
    }

    fn subject(&self) -> String {
        format!("listener {} connections", self.name)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A connection's entry in the table, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    occupancy: Arc<Occupancy>,
    network: Network,
    number: Number,
    pub(super) activity: Arc<Activity>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.occupancy.close(self.network, self.number);
    }
}

#[cfg(test)]
mod tests;
