//! Tests of batch tokens and of the ring that replicas share.

use super::house::{House, new_token};
use crate::core::client_token::ring::{MAX_KEYS, SEALS_FOR};
use crate::core::client_token::{Parent, TokenKind};
use crate::ports::store::Kind;
use crate::tokens::{NewToken, TokensError};

fn batch() -> NewToken {
    NewToken { kind: TokenKind::Batch, ..new_token() }
}

#[tokio::test]
async fn any_replica_finds_a_batch_token_and_none_keeps_it() {
    let house = House::new();
    let issued = house.issue(batch()).await;
    assert!(issued.token.expose().starts_with("hvb."));
    assert_eq!((house.sizes(), house.store.of(Kind::KeyRing).len()), ([0; 4], 1));
    assert!(issued.record.accessor.is_empty() && !issued.record.renewable);
    assert_eq!(house.again().find(&issued).await.unwrap().record, issued.record);
    let before = house.store.calls();
    assert!(house.is_good(&issued).await);
    assert_eq!(house.store.calls(), before, "nothing is read for it");
    let used = house.tokens.use_once(issued.token.expose()).await.unwrap().unwrap();
    assert!(!used.is_last);
    house.later(3601);
    assert!(!house.is_good(&issued).await);
}

#[tokio::test]
async fn two_replicas_that_start_together_agree_on_one_ring() {
    let house = House::new();
    let other = house.again();
    let (one, two) = tokio::join!(house.issue(batch()), other.issue(batch()));
    for replica in [&house, &other] {
        assert!(replica.is_good(&one).await && replica.is_good(&two).await);
    }
}

#[tokio::test]
async fn a_rotation_logs_nobody_out_and_reaches_every_replica() {
    let house = House::new();
    let other = house.again();
    let old = house.issue(batch()).await;
    assert!(other.is_good(&old).await);
    assert!(house.tokens.rotate_key().await.unwrap());
    let new = house.issue(batch()).await;
    for replica in [&house, &other, &house.again()] {
        assert!(replica.is_good(&old).await && replica.is_good(&new).await);
    }
}

#[tokio::test]
async fn keys_change_by_themselves_once_in_all_replicas() {
    let house = House::new();
    let other = house.again();
    let old = house.issue(batch()).await;
    assert!(other.is_good(&old).await);
    house.later(SEALS_FOR - 1);
    house.tokens.rotate_when_due().await.unwrap();
    let before = house.store.calls().commits;
    house.later(1);
    house.tokens.rotate_when_due().await.unwrap();
    assert_eq!(house.store.calls().commits - before, 1);
    other.tokens.rotate_when_due().await.unwrap();
    assert!(house.store.calls().commits - before <= 2, "one that made it, and one that came too late");
    let new = house.issue(NewToken { ttl: 60, ..batch() }).await;
    assert!(other.is_good(&new).await);
}

#[tokio::test]
async fn a_full_ring_refuses_a_new_key_and_seals_on() {
    let house = House::new();
    house.issue(batch()).await;
    for _ in 1..MAX_KEYS {
        assert!(house.tokens.rotate_key().await.unwrap());
    }
    assert!(!house.tokens.rotate_key().await.unwrap());
    let issued = house.issue(batch()).await;
    assert!(house.is_good(&issued).await);
}

#[tokio::test]
async fn a_batch_token_ends_with_its_parent_and_its_mount() {
    let house = House::new();
    let top = house.issue(new_token()).await;
    let found = house.find(&top).await.unwrap();
    let parent: Option<Parent> = Some(found.as_parent());
    let child = house.issue(NewToken { parent, login: None, ..batch() }).await;
    let login = house.issue(batch()).await;
    assert!(house.is_good(&child).await && house.is_good(&login).await);
    house.tokens.revoke(&found.digest).await.unwrap();
    assert!(!house.is_good(&child).await);
    house.gone.0.lock().unwrap().insert("auth_kubernetes_7d1c29aa".to_owned());
    assert!(!house.is_good(&login).await);
}

#[tokio::test]
async fn a_batch_token_without_a_ttl_does_not_live_for_ever_and_a_long_one_is_refused() {
    let house = House::new();
    let issued = house.issue(NewToken { ttl: 0, ..batch() }).await;
    house.later(1);
    assert!(!house.is_good(&issued).await);
    let long = NewToken { display_name: "x".repeat(10_000), ..batch() };
    assert!(matches!(house.tokens.issue(long).await, Err(TokensError::Seal(_))));
}
