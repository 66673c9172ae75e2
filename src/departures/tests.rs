//! Tests of what is known to be gone, on a clock that is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{CLOCKS_APART, Departures, Kind, Object};
use crate::core::token::UnverifiedClaims;
use crate::ports::Clock;

const START: i64 = 1_700_000_000;
const TTL: u64 = 300;

#[derive(Debug, Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn unix_now(&self) -> i64 {
        START + i64::try_from(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

fn house() -> (Departures, Arc<Set>) {
    let clock = Arc::new(Set::default());
    (Departures::new(Arc::<Set>::clone(&clock), Duration::from_secs(TTL)), clock)
}

fn object<'a>(uid: &'a str, name: &'a str) -> Object<'a> {
    Object { uid, namespace: "shop", name }
}

fn token(uid: &str, pod: &str, secret: &str) -> UnverifiedClaims {
    UnverifiedClaims {
        namespace: "shop".to_owned(),
        uid: uid.to_owned(),
        pod_uid: pod.to_owned(),
        secret_name: secret.to_owned(),
        ..UnverifiedClaims::default()
    }
}

fn is_named_gone(known: &Departures, claims: &UnverifiedClaims) -> bool {
    known.deletion(&known.traces(claims)).is_some()
}

/// A list of these objects.
fn list(known: &Departures, kind: Kind, objects: &[Object<'_>]) -> usize {
    known.list_begins(kind);
    objects.iter().for_each(|object| known.listed(kind, *object));
    known.list_ends(kind)
}

#[test]
fn a_token_names_its_account_its_pod_and_its_secret_and_nothing_else() {
    let bound = token("account", "pod", "");
    let legacy = token("account", "", "secret");
    let cases = [
        (Kind::Account, object("account", "x"), true, true),
        (Kind::Pod, object("pod", "x"), true, false),
        (Kind::Secret, object("x", "secret"), false, true),
        // The uid of one kind is not that of another, nor is a name a uid.
        (Kind::Pod, object("account", "account"), false, false),
        (Kind::Account, object("pod", "secret"), false, false),
        (Kind::Secret, object("account", "pod"), false, false),
        (Kind::Secret, Object { namespace: "bank", ..object("x", "secret") }, false, false),
        (Kind::Account, object("another", "account"), false, false),
    ];
    for (kind, gone, of_bound, of_legacy) in cases {
        let (known, _clock) = house();
        assert!(!known.any());
        known.left(kind, gone);
        assert!(known.any());
        assert_eq!(is_named_gone(&known, &bound), of_bound, "{kind:?} {gone:?}");
        assert_eq!(is_named_gone(&known, &legacy), of_legacy, "{kind:?} {gone:?}");
        assert!(!is_named_gone(&known, &token("", "", "")), "{kind:?} {gone:?}");
    }
}

#[test]
fn a_mark_counts_for_longer_than_any_review_from_before_is_remembered() {
    for began in [0, 1, 1000] {
        let (known, clock) = house();
        clock.0.store(began, Ordering::SeqCst);
        known.left(Kind::Pod, object("pod", "x"));
        let bound = token("account", "pod", "");
        clock.0.store(began + TTL + 60, Ordering::SeqCst);
        assert!(is_named_gone(&known, &bound), "{began}");
        clock.0.store(began + TTL + 61, Ordering::SeqCst);
        assert!(!is_named_gone(&known, &bound), "{began}");
        assert!(!known.any(), "{began}");
    }
}

#[test]
fn a_review_from_after_a_deletion_counts_briefly_and_for_good_once_api_servers_have_forgotten() {
    let (known, clock) = house();
    clock.0.store(100, Ordering::SeqCst);
    known.left(Kind::Pod, object("pod", "x"));
    let seconds = Duration::from_secs;
    let deletion = known.deletion(&known.traces(&token("account", "pod", ""))).unwrap();
    let milli = Duration::from_millis(1);
    for (sent, now, counts) in [
        (seconds(99), seconds(100), false),
        (seconds(100), seconds(100), false),
        (seconds(100) + milli, seconds(100) + milli, false),
        (seconds(100) + 2 * milli, seconds(100) + 2 * milli, true),
        (seconds(110), seconds(110) + 999 * milli, true),
        (seconds(110), seconds(111), false),
        (seconds(159), seconds(160), false),
        (seconds(160) + milli, seconds(460), true),
    ] {
        assert_eq!(deletion.is_survived_by(sent, now), counts, "{sent:?} {now:?}");
    }
}

#[test]
fn a_list_tells_what_has_gone_since_the_list_before() {
    let (known, _clock) = house();
    assert_eq!(list(&known, Kind::Pod, &[object("a", "x"), object("b", "y")]), 0);
    known.appeared(Kind::Pod, object("c", "z"));
    known.left(Kind::Pod, object("b", "y"));
    assert!(!is_named_gone(&known, &token("", "a", "")));
    // `x` was deleted and made anew, `z` was deleted.
    assert_eq!(list(&known, Kind::Pod, &[object("d", "x")]), 2);
    for (pod, gone) in [("a", true), ("b", true), ("c", true), ("d", false)] {
        assert_eq!(is_named_gone(&known, &token("", pod, "")), gone, "{pod}");
    }
    // A secret is named by its name, whatever its uid is now.
    assert_eq!(list(&known, Kind::Secret, &[object("a", "s"), object("b", "t")]), 0);
    assert_eq!(list(&known, Kind::Secret, &[object("c", "s"), object("b", "t")]), 1);
    assert!(is_named_gone(&known, &token("", "", "s")));
    assert!(!is_named_gone(&known, &token("", "", "t")));
}

#[test]
fn a_list_that_was_not_finished_tells_nothing() {
    let (known, _clock) = house();
    list(&known, Kind::Account, &[object("a", "x")]);
    known.list_begins(Kind::Account);
    assert_eq!(list(&known, Kind::Account, &[object("a", "x")]), 0);
    assert_eq!(known.list_ends(Kind::Account), 0);
    assert!(!known.any() && !known.is_account_gone("a", START));
}

#[test]
fn an_account_whose_deletion_was_heard_is_gone_for_good_unless_it_is_back() {
    let (known, clock) = house();
    list(&known, Kind::Account, &[object("a", "x")]);
    known.left(Kind::Account, object("a", "x"));
    clock.0.store(100 * TTL, Ordering::SeqCst);
    assert!(known.is_account_gone("a", START + 5));
    assert!(!known.is_account_gone("b", START + 5));
    assert!(!known.is_account_gone("", 0));
    // A backup of the cluster was restored.
    known.appeared(Kind::Account, object("a", "x"));
    assert!(!known.is_account_gone("a", START + 5));
    known.left(Kind::Account, object("a", "x"));
    list(&known, Kind::Account, &[object("a", "x")]);
    assert!(!known.is_account_gone("a", START + 5));
}

#[test]
fn an_account_that_a_later_list_does_not_have_is_gone() {
    let (known, clock) = house();
    assert!(!known.is_account_gone("a", 0), "nothing was listed");
    clock.0.store(1000, Ordering::SeqCst);
    known.list_begins(Kind::Account);
    assert!(!known.is_account_gone("a", 0), "the list is not complete");
    known.listed(Kind::Account, object("b", "y"));
    clock.0.store(2000, Ordering::SeqCst);
    known.list_ends(Kind::Account);
    let listed = START + 1000;
    assert!(known.is_account_gone("a", listed - CLOCKS_APART - 1));
    // It may have been made since the list began.
    assert!(!known.is_account_gone("a", listed - CLOCKS_APART));
    assert!(!known.is_account_gone("a", i64::MAX));
    assert!(!known.is_account_gone("b", 0));
}
