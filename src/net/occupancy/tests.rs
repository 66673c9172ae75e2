//! A listener's places over time, on a paused clock.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{FULL, LOOK, Occupancy, Seat, UNFINISHED};
use crate::health::Health;
use crate::metrics::ListenerMetrics;
use crate::net::patience::Patience;

const MOST: Patience = Patience { greeting: Duration::from_secs(10), idle: Duration::from_secs(60) };

struct Listener {
    occupancy: Arc<Occupancy>,
    capacity: Arc<AtomicUsize>,
    metrics: ListenerMetrics,
    health: Health,
}

impl Listener {
    fn new(places: usize) -> Self {
        let (metrics, health) = (ListenerMetrics::default(), Health::default());
        let capacity = Arc::new(AtomicUsize::new(places));
        let occupancy =
            Occupancy::new("test", capacity.clone(), false, MOST, metrics.clone(), health.clone());
        Self { occupancy, capacity, metrics, health }
    }

    fn enter(&self, last: u8) -> Option<Seat> {
        let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        self.occupancy.enter(peer, false, CancellationToken::new(), CancellationToken::new())
    }

    fn some(&self, last: u8, count: usize) -> Vec<Seat> {
        (0..count).map(|_| self.enter(last).unwrap()).collect()
    }

    /// Lets the listener look at its connections for a while.
    async fn keep(&self, time: Duration) {
        let _elapsed = tokio::time::timeout(time, self.occupancy.keep()).await;
    }
}

fn stopped(seat: &Seat) -> bool {
    seat.activity.stop.is_cancelled()
}

fn cut(seat: &Seat) -> bool {
    seat.activity.cut.is_cancelled()
}

/// A request was answered.
fn spoke(seat: &Seat) {
    drop(seat.activity.begin());
}

#[tokio::test(start_paused = true)]
async fn silent_and_idle_connections_end_sooner_the_scarcer_places_are() {
    let listener = Listener::new(64);
    let few = listener.some(1, 31);
    listener.keep(Duration::from_secs(3600)).await;
    assert!(!few.iter().any(stopped), "below half nothing ends for want of places");

    let rest = listener.some(1, 33);
    few.iter().chain(&rest[..29]).for_each(spoke);
    listener.keep(Duration::from_millis(900)).await;
    assert!(!rest.iter().any(stopped));
    listener.keep(Duration::from_secs(1) + LOOK).await;
    assert!(rest[29..].iter().all(|seat| stopped(seat) && cut(seat)), "a second for a greeting");
    assert!(!few.iter().chain(&rest[..29]).any(stopped));
    listener.keep(Duration::from_secs(4)).await;
    let idle = |seat: &Seat| stopped(seat) && !cut(seat);
    assert!(few.iter().chain(&rest[..29]).all(idle), "ends by itself, five seconds after the last request");
    assert_eq!((listener.metrics.greeting.get(), listener.metrics.idle.get()), (4, 60));
}

#[tokio::test(start_paused = true)]
async fn neither_silent_nor_idle_connections_of_others_end_the_idle_connection_of_a_proxy() {
    for others_speak in [false, true] {
        let listener = Listener::new(64);
        let proxy = listener.some(1, 4);
        proxy.iter().for_each(spoke);
        let others = listener.some(66, 60);
        if others_speak {
            others.iter().for_each(spoke);
        }
        listener.keep(Duration::from_secs(3600)).await;
        assert!(others.iter().all(stopped));
        assert!(!proxy.iter().any(stopped));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_a_running_request_is_not_ended_however_scarce_places_are() {
    let listener = Listener::new(8);
    let seats = listener.some(1, 8);
    let running: Vec<_> = seats.iter().map(|seat| seat.activity.begin()).collect();
    listener.keep(Duration::from_secs(3600)).await;
    assert!(!seats.iter().any(stopped));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_displaced_connection_may_finish_what_runs_for_a_while() {
    let listener = Listener::new(2);
    let seats = listener.some(1, 2);
    let running: Vec<_> = seats.iter().map(|seat| seat.activity.begin()).collect();
    let _newcomer = listener.enter(2).unwrap();
    assert!(stopped(&seats[0]) && !cut(&seats[0]) && !stopped(&seats[1]));
    listener.keep(UNFINISHED - LOOK).await;
    assert!(!cut(&seats[0]));
    listener.keep(LOOK * 2).await;
    assert!(cut(&seats[0]));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn descriptors_for_newcomers_are_taken_from_those_that_still_close() {
    let listener = Listener::new(2);
    let mut seats = listener.some(1, 2);
    seats.iter().for_each(spoke);
    let _newcomer = listener.enter(2).unwrap();
    // One has lost its place and not closed, which is all that may be so.
    assert!(!listener.occupancy.has_descriptor());
    assert!(cut(&seats[0]));
    drop(seats.remove(0));
    listener.occupancy.descriptor().await;
    assert_eq!(listener.metrics.connections.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_listener_is_told_until_there_are_places_for_a_while() {
    let listener = Listener::new(16);
    let trouble = || listener.health.troubles().get("listener test connections").cloned();
    let mut seats = listener.some(1, 16);
    let running: Vec<_> = seats.iter().map(|seat| seat.activity.begin()).collect();
    assert_eq!(trouble(), None);
    assert!(listener.enter(1).is_none());
    assert!(trouble().is_some());
    assert_eq!(listener.metrics.refused.get(), 1);
    drop(running);
    seats.truncate(14);
    listener.keep(FULL - LOOK).await;
    assert!(trouble().is_some());
    seats.clear();
    listener.keep(LOOK * 3).await;
    assert_eq!(trouble(), None);
    assert_eq!(listener.metrics.connections.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_listener_with_fewer_places_than_before_lets_connections_go() {
    let listener = Listener::new(8);
    let seats = listener.some(1, 8);
    seats.iter().for_each(spoke);
    listener.capacity.store(3, Ordering::Relaxed);
    listener.keep(LOOK * 2).await;
    assert_eq!(seats.iter().filter(|seat| stopped(seat)).count(), 5);
    assert_eq!(listener.metrics.places.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_running_requests_alone() {
    let listener = Listener::new(16);
    let seats = listener.some(1, 3);
    spoke(&seats[1]);
    let running = seats[2].activity.begin();
    let drained = tokio::time::timeout(Duration::from_millis(1150), listener.occupancy.drain());
    drained.await.unwrap_err();
    assert!(cut(&seats[0]) && !cut(&seats[1]) && !cut(&seats[2]), "no request was begun on the first");
    let _more = tokio::time::timeout(Duration::from_secs(4), listener.occupancy.drain()).await;
    assert!(cut(&seats[1]) && !cut(&seats[2]));
    let _more = tokio::time::timeout(Duration::from_secs(3600), listener.occupancy.drain()).await;
    assert!(!cut(&seats[2]));
    drop(running);
    let _more = tokio::time::timeout(Duration::from_secs(4), listener.occupancy.drain()).await;
    assert!(cut(&seats[2]), "its peer had the time to read the answer and to close");
}
