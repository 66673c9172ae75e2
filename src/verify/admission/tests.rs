//! Tests of the waiting itself: turns that come, that are given up, and that are given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::{Admission, Entry, Flow, Flows, Kind, Permit, Refusal, Waiting, now};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::{Door, Origin};
use crate::verify::Settings;

const HOUR: Duration = Duration::from_secs(3600);

struct Mount {
    admission: Arc<Admission>,
    metrics: Metrics,
    health: Health,
    flow: Flow,
}

impl Mount {
    fn new(max_in_flight: usize, max_waiting: usize) -> Self {
        let (metrics, health) = (Metrics::default(), Health::default());
        let settings = Settings { max_in_flight, max_waiting, ..Settings::default() };
        let origin = Origin { door: Door::Envoy, client: None, connection: None };
        Self {
            admission: Admission::new(&settings, &"kubernetes".into(), &metrics, &health),
            metrics,
            health,
            flow: Flows::default().unproven(&origin),
        }
    }

    fn sent(&self) -> Permit {
        match self.admission.enter(self.flow, Kind::Review, now() + HOUR) {
            Ok(Entry::Granted(permit)) => permit,
            other => panic!("{other:?}"),
        }
    }

    fn waits(&self, until: Instant) -> Waiting {
        match self.admission.enter(self.flow, Kind::Review, until) {
            Ok(Entry::Waiting(waiting)) => waiting,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&self) -> Refusal {
        self.admission.enter(self.flow, Kind::Review, now() + HOUR).unwrap_err()
    }

    /// The value of a metric of this mount.
    fn metric(&self, start: &str) -> String {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("rolegate_{start} ")));
        line.unwrap_or("none").to_owned()
    }

    fn load(&self) -> [String; 2] {
        ["in_flight", "waiting"].map(|name| self.metric(&format!("reviews_{name}{{mount=\"kubernetes\"}}")))
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_comes_when_one_is_given_back() {
    let mount = Mount::new(1, 2);
    let permit = mount.sent();
    let end = now() + HOUR;
    let (first, second) = (mount.waits(end), mount.waits(end));
    assert_eq!((mount.refused(), mount.load()), (Refusal::QueueFull, ["1", "2"].map(str::to_owned)));
    let mut first = Box::pin(first.granted(|| end));
    assert!((&mut first).now_or_never().is_none());
    drop(permit);
    let first = first.await.unwrap();
    let mut second = Box::pin(second.granted(|| end));
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    drop(second.await.unwrap());
    assert_eq!(mount.load(), ["0", "0"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_come_in_time_frees_its_place_and_time_may_be_added() {
    let mount = Mount::new(1, 1);
    let _held = mount.sent();
    let begun = now();
    let (soon, later) = (begun + Duration::from_secs(1), begun + Duration::from_secs(3));
    let until = || if now() < soon { soon } else { later };
    assert_eq!(mount.waits(soon).granted(until).await.unwrap_err(), Refusal::Late);
    assert_eq!(now(), later);
    assert_eq!(mount.load(), ["1", "0"]);
    drop(mount.waits(now() + HOUR));
    assert_eq!(mount.load(), ["1", "0"], "whoever goes away leaves at once");
    let _next = mount.waits(now() + HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_takes_goes_to_the_next() {
    let mount = Mount::new(1, 9);
    let end = now() + HOUR;
    let permit = mount.sent();
    let waiting: Vec<Waiting> = (0..4).map(|_| mount.waits(end)).collect();
    drop(permit);
    // Its turn has come, it was told, and it goes away without looking.
    let mut waiting = waiting.into_iter();
    drop(waiting.next());
    drop(waiting.next());
    drop(waiting.next().unwrap().granted(|| end).await.unwrap());
    drop(waiting.next().unwrap().granted(|| end).await.unwrap());
    assert_eq!(mount.load(), ["0", "0"]);
    let _free = mount.sent();
}

#[tokio::test(start_paused = true)]
async fn who_nobody_waits_for_any_more_leaves_and_is_told() {
    let mount = Mount::new(1, 1);
    let _held = mount.sent();
    let waiting = mount.waits(now() + HOUR);
    mount.admission.abandon(waiting.waiter());
    assert_eq!(mount.load(), ["1", "0"]);
    assert_eq!(waiting.granted(|| now() + HOUR).await.unwrap_err(), Refusal::Abandoned);
    assert_eq!(mount.metric("reviews_not_sent_total{mount=\"kubernetes\",cause=\"abandoned\"}"), "1");
    assert!(mount.health.troubles().is_empty(), "that is no overload");
}

#[tokio::test(start_paused = true)]
async fn an_overload_is_told_once_until_it_is_over() {
    let mount = Mount::new(1, 0);
    let held = mount.sent();
    for _ in 0..100 {
        assert_eq!(mount.refused(), Refusal::QueueFull);
    }
    assert!(mount.health.troubles().contains_key("mount kubernetes admission"));
    assert_eq!(mount.metric("reviews_not_sent_total{mount=\"kubernetes\",cause=\"queue_full\"}"), "100");
    drop(held);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(mount.health.troubles().is_empty());
    let _held = mount.sent();
    mount.refused();
    assert!(!mount.health.troubles().is_empty());
}
