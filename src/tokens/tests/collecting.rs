//! Tests of the collector: what it takes, what it leaves, and how much it asks of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::house::{House, START, chosen, digest_of, new_token};
use crate::core::client_token::TokenDigest;
use crate::ports::store::{Key, Kind};
use crate::tokens::NewToken;

#[tokio::test]
async fn only_what_is_due_is_touched_among_ten_thousand() {
    let house = House::new();
    for number in 0..10_000 {
        house.issue(NewToken { ttl: if number % 100 == 0 { 10 } else { 3600 }, ..new_token() }).await;
    }
    house.later(11);
    let before = house.store.calls();
    let next = house.tokens.collect_due().await.unwrap();
    let after = house.store.calls();
    assert_eq!(next, Some(START + 3600));
    assert_eq!(house.sizes(), [9900, 9900, 0, 9900]);
    assert_eq!(after.gets - before.gets, 100, "one for each that is due");
    assert_eq!(after.lists - before.lists, 102, "its children, and the index twice");
    assert_eq!(after.commits - before.commits, 2, "64 in a commit");
    house.tokens.collect_due().await.unwrap();
    let idle = house.store.calls();
    assert_eq!((idle.gets, idle.lists, idle.commits), (after.gets, after.lists + 1, after.commits));
}

#[tokio::test]
async fn all_ten_thousand_go_when_all_are_due() {
    let house = House::new();
    for _ in 0..10_000 {
        house.issue(new_token()).await;
    }
    house.later(3601);
    assert_eq!(house.tokens.collect_due().await.unwrap(), None);
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test]
async fn a_renewed_token_is_put_off_when_its_old_entry_comes_up() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    house.later(3000);
    house.tokens.renew(&digest_of(&issued), 3600).await.unwrap();
    house.later(601);
    assert_eq!(house.tokens.collect_due().await.unwrap(), Some(START + 6600));
    assert!(house.is_good(&issued).await);
    house.later(3000);
    house.tokens.collect_due().await.unwrap();
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test]
async fn an_expired_parent_takes_children_along_that_would_live_longer() {
    let house = House::new();
    let parent = house.issue(NewToken { ttl: 10, ..new_token() }).await;
    let child = house.child(&parent).await;
    house.child(&child).await;
    house.later(11);
    assert_eq!(house.tokens.collect_due().await.unwrap(), None);
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test]
async fn a_link_that_was_left_over_takes_no_living_family_along() {
    let house = House::new();
    let (gone, other) = (house.issue(chosen("gone")).await, house.issue(new_token()).await);
    let child = house.child(&other).await;
    let link = [digest_of(&gone).0, digest_of(&other).0].concat();
    house.store.put(Key::new(Kind::Child, link), &[]);
    house.tokens.revoke(&digest_of(&gone)).await.unwrap();
    house.tokens.collect_due().await.unwrap();
    assert!(house.is_good(&other).await && house.is_good(&child).await);
    assert_eq!(house.sizes(), [2, 2, 1, 2]);
}

#[tokio::test]
async fn a_stop_at_any_commit_leaves_nothing_good_and_nothing_for_ever() {
    for commits in 0..8 {
        let house = House::new();
        let top = house.issue(chosen("top")).await;
        let mut below = vec![];
        for _ in 0..3 {
            let child = house.child(&top).await;
            let grandchild = house.child(&child).await;
            below.extend([child, grandchild]);
        }
        house.store.fail_after(commits);
        let revoked = house.tokens.revoke(&digest_of(&top)).await;
        let _collected = house.tokens.collect_due().await;
        assert_eq!(revoked.is_ok(), commits > 0);
        for token in &below {
            assert_eq!(house.is_good(token).await, commits == 0, "after {commits} commits");
        }
        house.store.heal();
        let house = house.again();
        if commits == 0 {
            house.tokens.revoke(&digest_of(&top)).await.unwrap();
        }
        house.tokens.collect_due().await.unwrap();
        assert_eq!(house.sizes(), [0; 4], "after {commits} commits");
    }
}

#[tokio::test]
async fn two_collectors_do_not_disturb_each_other() {
    let house = House::new();
    let other = house.again();
    for _ in 0..300 {
        house.issue(new_token()).await;
    }
    house.later(3601);
    let (one, two) = tokio::join!(house.tokens.collect_due(), other.tokens.collect_due());
    one.and(two).unwrap();
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test(start_paused = true)]
async fn the_collector_wakes_when_the_next_is_due_and_stops_when_told() {
    let house = House::new();
    let parent = house.issue(NewToken { ttl: 30, ..new_token() }).await;
    house.child(&parent).await;
    let stop = CancellationToken::new();
    let collector = tokio::spawn(house.tokens.clone().collect(stop.clone()));
    let slept = tokio::time::Instant::now();
    while house.sizes() != [0; 4] {
        house.later(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(slept.elapsed().as_secs() < 40, "{:?}", house.sizes());
    }
    assert!(slept.elapsed().as_secs() >= 30);
    stop.cancel();
    collector.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_revoked_family_is_removed_at_once() {
    let house = House::new();
    let parent = house.issue(new_token()).await;
    house.child(&parent).await;
    let stop = CancellationToken::new();
    let collector = tokio::spawn(house.tokens.clone().collect(stop.clone()));
    tokio::time::sleep(Duration::from_millis(1)).await;
    house.tokens.revoke(&digest_of(&parent)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(house.sizes(), [0; 4]);
    stop.cancel();
    collector.await.unwrap();
}

#[tokio::test]
async fn tidying_removes_what_nothing_else_finds() {
    let house = House::new();
    let (parent, lost) = (house.issue(new_token()).await, house.issue(chosen("lost")).await);
    let kept = house.child(&parent).await;
    let stray = house.child(&lost).await;
    // As if the child had been made at the moment at which its parent was revoked.
    house.tokens.revoke(&digest_of(&lost)).await.unwrap();
    house.tokens.collect_due().await.unwrap();
    assert_eq!(house.sizes(), [2, 2, 1, 2]);
    let (stray_digest, gone) = (digest_of(&stray), digest_of(&lost));
    house.store.put(Key::new(Kind::Token, stray_digest.0), &stray.record.to_bytes());
    house.store.put(Key::new(Kind::Child, [gone.0, stray_digest.0].concat()), &[]);
    house.store.put(Key::new(Kind::Accessor, "left-over"), &TokenDigest::of("x").0);
    house.store.put(Key::new(Kind::Child, [gone.0, gone.0].concat()), &[]);
    house.tokens.tidy();
    house.tokens.tidy_when_asked().await.unwrap();
    assert_eq!(house.sizes(), [2, 2, 1, 2]);
    assert!(house.is_good(&kept).await);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_removes_nothing_until_it_does() {
    let house = House::new();
    house.issue(NewToken { ttl: 30, ..new_token() }).await;
    house.later(31);
    let (leads, stop) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let asked = Arc::clone(&leads);
    let collecting = house.tokens.clone().collect_while(move || asked.load(Ordering::SeqCst), stop.clone());
    let collector = tokio::spawn(collecting);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(house.sizes(), [1, 1, 0, 1]);
    assert!(house.metrics.render().contains("rolegate_client_tokens 1\n"), "it counts nevertheless");
    leads.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(house.sizes(), [0; 4]);
    stop.cancel();
    collector.await.unwrap();
}
