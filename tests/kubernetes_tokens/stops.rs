//! Replicas that end in the middle of what they do.

use std::time::Duration;

use super::replica::{Replica, digest_of, new_token};
use super::support::eventually;
use super::support::kube::KubeApiserver;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_ends_while_it_issues_leaves_whole_tokens_or_none() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let other = Replica::open(api.client(), &namespace).await;
    let parent = other.issue(new_token()).await;
    for millis in 0..12 {
        let replica = Replica::open(api.client(), &namespace).await;
        let issuing = async {
            loop {
                replica.child(&parent).await;
            }
        };
        // Wherever it is then.
        let _cut = tokio::time::timeout(Duration::from_millis(3 * millis), issuing).await;
    }
    // One that follows nothing: what was cut may still be done while it is looked at.
    let (fresh, _feed) = Replica::deaf(api.client(), &namespace).await;
    let [tokens, accessors, children, expiries, _] = fresh.sizes().await;
    assert_eq!((tokens, tokens, tokens), (accessors, children + 1, expiries));
    for accessor in fresh.tokens.accessors(None, 10_000).await.unwrap() {
        assert!(fresh.tokens.find_by_accessor(&accessor).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_ends_while_it_collects_leaves_nothing_good_and_nothing_for_ever() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let other = Replica::open(api.client(), &namespace).await;
    for millis in [0, 5, 10, 20, 40] {
        let replica = Replica::open(api.client(), &namespace).await;
        let top = replica.issue(new_token()).await;
        let mut below = vec![];
        for _ in 0..6 {
            let child = replica.child(&top).await;
            let grandchild = replica.child(&child).await;
            below.extend([child, grandchild]);
        }
        replica.revoke(&top).await;
        let _cut = tokio::time::timeout(Duration::from_millis(millis), replica.tokens.collect_due()).await;
        let fresh = Replica::open(api.client(), &namespace).await;
        for token in &below {
            assert!(!fresh.is_good(token).await, "cut after {millis} ms");
        }
        // Again and again, as a replica does: what was cut may still be done, and change what is being collected.
        eventually("all is collected", async || {
            fresh.tokens.collect_due().await.unwrap();
            (other.sizes().await == [0; 5]).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_collect_at_once_do_not_disturb_each_other() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let other = Replica::open(api.client(), &namespace).await;
    let tokens = futures_util::future::join_all((0..20).map(|_| one.issue(new_token()))).await;
    eventually("the other has heard", async || (other.sizes().await[0] == 20).then_some(())).await;
    one.later(3601);
    other.later(3601);
    let (first, second) = tokio::join!(one.tokens.collect_due(), other.tokens.collect_due());
    first.and(second).unwrap();
    eventually("both have none", async || {
        (one.sizes().await == [0; 5] && other.sizes().await == [0; 5]).then_some(())
    })
    .await;
    assert!(!other.is_good(&tokens[0]).await && !one.tokens.revoke(&digest_of(&tokens[1])).await.unwrap());
}
