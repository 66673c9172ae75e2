//! What is known of namespaces, and for how long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Listed, MOST_NAMESPACES, TooMany, WatchedNamespaces};
use crate::ports::{Clock, Labels};

const TTL: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn unix_now(&self) -> i64 {
        0
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn known(team: &str) -> Labels {
    Labels::Known(Arc::new(labels(team)))
}

fn labels(team: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), team.to_owned())])
}

fn shop(clock: &Arc<Set>) -> WatchedNamespaces {
    let namespaces = WatchedNamespaces::new(Arc::<Set>::clone(clock), TTL);
    let mut listed = Listed::default();
    listed.set("shop".to_owned(), labels("a")).unwrap();
    namespaces.replace(listed, Duration::ZERO);
    namespaces
}

#[test]
fn nothing_is_said_before_a_whole_list_and_what_it_lacks_is_no_namespace() {
    let clock = Arc::<Set>::default();
    let namespaces = WatchedNamespaces::new(Arc::<Set>::clone(&clock), TTL);
    namespaces.set("shop".to_owned(), labels("a")).unwrap();
    namespaces.confirm(Duration::ZERO);
    assert_eq!((namespaces.labels("shop"), namespaces.is_empty()), (None, true));
    let namespaces = shop(&clock);
    assert_eq!(namespaces.labels("shop"), Some(known("a")));
    assert_eq!(namespaces.labels("other"), Some(Labels::Unknown));
    namespaces.set("other".to_owned(), labels("b")).unwrap();
    namespaces.set("shop".to_owned(), labels("c")).unwrap();
    assert_eq!((namespaces.labels("other"), namespaces.labels("shop")), (Some(known("b")), Some(known("c"))));
    namespaces.remove("shop");
    assert_eq!((namespaces.labels("shop"), namespaces.len()), (Some(Labels::Unknown), 1));
}

#[test]
fn labels_count_until_the_last_sign_of_life_is_as_old_as_they_may_be() {
    let clock = Arc::<Set>::default();
    let namespaces = shop(&clock);
    let is_known_at = |millis: u64| {
        clock.0.store(millis, Ordering::SeqCst);
        namespaces.labels("shop").is_some()
    };
    assert!(is_known_at(9_999) && !is_known_at(10_000));
    // A change is no sign of life: nobody knows when it was sent.
    namespaces.set("shop".to_owned(), labels("b")).unwrap();
    assert!(!is_known_at(10_000));
    namespaces.confirm(Duration::from_secs(4));
    assert!(is_known_at(13_999) && !is_known_at(14_000));
    // An older one takes nothing back.
    namespaces.confirm(Duration::from_secs(1));
    assert!(is_known_at(13_999));
    let never = WatchedNamespaces::new(Arc::<Set>::clone(&clock), Duration::ZERO);
    never.replace(Listed::default(), Duration::from_millis(13_999));
    assert_eq!(never.labels("shop"), None);
}

#[test]
fn beyond_the_bounds_nothing_is_kept() {
    let namespaces = shop(&Arc::default());
    let large = "x".repeat(super::MOST_BYTES);
    assert_eq!(namespaces.set("large".to_owned(), labels(&large)), Err(TooMany));
    assert_eq!((namespaces.labels("shop"), namespaces.len()), (None, 0));

    let mut listed = Listed::default();
    for number in 0..MOST_NAMESPACES {
        listed.set(number.to_string(), BTreeMap::new()).unwrap();
    }
    assert_eq!(listed.set("one more".to_owned(), BTreeMap::new()), Err(TooMany));
    // One that is there takes no more room.
    assert_eq!(listed.set("1".to_owned(), BTreeMap::new()), Ok(()));
}

#[test]
fn the_bytes_of_labels_that_go_are_free_again() {
    let mut listed = Listed::default();
    let half = "x".repeat(super::MOST_BYTES / 2);
    for _ in 0..4 {
        listed.set("shop".to_owned(), labels(&half)).unwrap();
    }
    listed.remove("shop");
    assert_eq!(listed.bytes, 0);
}
