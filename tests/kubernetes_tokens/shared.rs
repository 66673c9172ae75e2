//! What one replica does, another sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rolegate::core::secret::Secret;
use rolegate::tokens::{NewToken, Root};
use tokio::task::JoinSet;

use super::replica::{Replica, batch, digest_of, new_token};
use super::support::eventually;
use super::support::kube::KubeApiserver;

async fn two() -> (Replica, Replica) {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    (Replica::open(api.client(), &namespace).await, Replica::open(api.client(), &namespace).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_made_at_one_replica_is_good_at_the_other_at_once() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    // It hears of nothing by itself: all that it finds it has asked for.
    let (other, _feed) = Replica::deaf(api.client(), &namespace).await;
    let parent = one.issue(new_token()).await;
    let child = one.child(&parent).await;
    assert!(other.is_good(&child).await && other.is_good(&parent).await);
    let late = one.issue(new_token()).await;
    let found = other.tokens.find_by_accessor(&late.record.accessor).await.unwrap().unwrap();
    assert_eq!(found.digest, digest_of(&late));
    assert!(other.tokens.find_by_accessor("nobody").await.unwrap().is_none());
    assert!(other.tokens.find("hvs.nobody").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_have_one_id_and_one_tuning_of_their_tokens() {
    let (one, other) = two().await;
    let (first, second) = tokio::join!(one.tokens.cluster_id(), other.tokens.cluster_id());
    assert_eq!(first.unwrap(), second.unwrap());
    let mut mount = one.tokens.mount().await.unwrap();
    mount.about.max_lease_ttl = 7200;
    one.tokens.tune(&mount).await.unwrap();
    let tuned = async || (other.tokens.mount().await.unwrap().about == mount.about).then_some(());
    eventually("the other has heard", tuned).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_revoked_at_one_replica_is_gone_at_the_other_and_its_children_with_it() {
    let (one, other) = two().await;
    let parent = one.issue(new_token()).await;
    let child = other.child(&parent).await;
    let bystander = one.issue(new_token()).await;
    assert!(one.is_good(&child).await && other.is_good(&parent).await);
    one.revoke(&parent).await;
    assert!(!one.is_good(&parent).await && !one.is_good(&child).await);
    eventually("the other has heard", async || (!other.is_good(&parent).await).then_some(())).await;
    assert!(!other.is_good(&child).await && other.is_good(&bystander).await);
    other.tokens.collect_due().await.unwrap();
    let left = [1, 1, 0, 1, 0];
    eventually("all is collected", async || (one.sizes().await == left).then_some(())).await;
    assert_eq!(other.sizes().await, left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_at_two_replicas_get_as_many_uses_as_there_are() {
    let (one, other) = two().await;
    for uses in [1, 5] {
        let token = one.issue(NewToken { num_uses: uses, ..new_token() }).await;
        let mut racers = JoinSet::new();
        for number in 0..8 {
            let tokens = Arc::clone(if number % 2 == 0 { &one.tokens } else { &other.tokens });
            let token = token.token.clone();
            racers.spawn(async move {
                let mut used = vec![];
                // Each takes what it gets.
                while let Some(use_) = tokens.use_once(token.expose()).await.unwrap() {
                    used.push(use_.found.record.num_uses);
                }
                used
            });
        }
        let used: Vec<_> = racers.join_all().await.concat();
        let different: BTreeSet<_> = used.iter().collect();
        assert_eq!((used.len(), different.len()), (usize::try_from(uses).unwrap(), used.len()), "{used:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hears_nothing_takes_no_use_too_many_and_renews_nothing_revoked() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let token = one.issue(NewToken { num_uses: 2, ..new_token() }).await;
    let revoked = one.issue(new_token()).await;
    let (deaf, _feed) = Replica::deaf(api.client(), &namespace).await;
    one.tokens.use_once(token.token.expose()).await.unwrap().unwrap();
    let last = deaf.tokens.use_once(token.token.expose()).await.unwrap().unwrap();
    assert!(last.is_last, "it has found out that one was taken");
    assert!(one.tokens.use_found(last.found).await.unwrap().is_none());
    one.revoke(&revoked).await;
    assert!(deaf.tokens.renew(&digest_of(&revoked), 9).await.unwrap().is_none());
    assert!(!deaf.is_good(&revoked).await, "having asked, it knows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapped_answer_is_given_out_once_by_all_replicas_together() {
    let (one, other) = two().await;
    let wrapped = one.tokens.wrap(&Secret::from("answer".to_owned()), "sys/wrapping/wrap", 60).await.unwrap();
    let text = wrapped.token.expose();
    let (first, second) = tokio::join!(one.tokens.unwrap(text), other.tokens.unwrap(text));
    let given: Vec<_> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
    assert_eq!(given.len(), 1);
    assert_eq!(given[0].expose(), "answer");
    eventually("nothing is left", async || (other.sizes().await == [0; 5]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_known_to_the_other_replica_at_once_and_nobody_is_logged_out() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let old = one.issue(batch()).await;
    let (other, _feed) = Replica::deaf(api.client(), &namespace).await;
    assert!(other.is_good(&old).await);
    for _ in 0..2 {
        assert!(one.tokens.rotate_key().await.unwrap());
        let new = one.issue(batch()).await;
        assert!(other.is_good(&new).await && other.is_good(&old).await);
    }
    assert!(other.tokens.rotate_key().await.unwrap());
    let of_other = other.issue(batch()).await;
    assert!(one.is_good(&of_other).await && one.is_good(&old).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_logs_in_at_several_replicas_is_one_entity() {
    let (one, other) = two().await;
    let metadata = BTreeMap::from([("role".to_owned(), "orders".to_owned())]);
    let logins = (0..8).map(|number| {
        let replica = if number % 2 == 0 { &one } else { &other };
        replica.entities.entity_for("auth_kubernetes_1", "uid", &metadata)
    });
    let entities = futures_util::future::try_join_all(logins).await.unwrap();
    assert!(entities.iter().all(|entity| *entity == entities[0]));
    let changed = BTreeMap::from([("role".to_owned(), "billing".to_owned())]);
    let again = one.entities.entity_for("auth_kubernetes_1", "uid", &changed).await.unwrap();
    assert_eq!(again, entities[0]);
    eventually("the other has heard", async || {
        let entity = other.entities.entity(&again).await.unwrap().unwrap();
        (entity.aliases[0].metadata == changed).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_token_is_made_by_one_replica_and_stays_revoked_at_all() {
    let (one, other) = two().await;
    let token = Secret::from("root-of-the-test".to_owned());
    let made = tokio::join!(one.tokens.ensure_root(&token), other.tokens.ensure_root(&token));
    let mut made = [made.0.unwrap(), made.1.unwrap()].map(|root| format!("{root:?}"));
    made.sort_unstable();
    assert_eq!(made, ["Made", "There"]);
    let root = other.tokens.find(token.expose()).await.unwrap().unwrap();
    assert!(other.tokens.revoke(&root.digest).await.unwrap());
    eventually("the other has heard", async || {
        matches!(one.tokens.ensure_root(&token).await.unwrap(), Root::Revoked).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_renewed_at_one_replica_is_not_collected_by_one_that_hears_nothing() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let token = one.issue(new_token()).await;
    let (deaf, _feed) = Replica::deaf(api.client(), &namespace).await;
    one.later(3000);
    one.tokens.renew(&digest_of(&token), 3600).await.unwrap().unwrap();
    deaf.later(3601);
    deaf.tokens.collect_due().await.unwrap();
    assert!(one.is_good(&token).await && deaf.is_good(&token).await);
    let fresh = Replica::open(api.client(), &namespace).await;
    assert!(fresh.is_good(&token).await);
}
