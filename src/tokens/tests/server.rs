//! What is kept of the server as a whole.

use super::house::House;
use crate::ports::store::StoreError;
use crate::tokens::{Tokens, TokensError};

#[tokio::test]
async fn the_id_is_made_once_and_is_that_of_every_replica() {
    let house = House::new();
    let other = Tokens::new(house.tokens.world.clone());
    let (first, second) = tokio::join!(house.tokens.cluster_id(), other.cluster_id());
    let first = first.unwrap();
    assert_eq!(first.len(), 36, "{first}");
    assert_eq!(second.unwrap(), first);
    assert_eq!(Tokens::new(house.tokens.world.clone()).cluster_id().await.unwrap(), first);
    assert_ne!(House::new().tokens.cluster_id().await.unwrap(), first);
}

#[tokio::test]
async fn the_mount_of_tokens_stays_tuned_and_of_two_who_tune_it_at_once_one_is_told() {
    let house = House::new();
    let mut mount = house.tokens.mount().await.unwrap();
    assert_eq!(mount.about.accessor.split('_').nth(1), Some("token"));
    mount.about.max_lease_ttl = 7200;
    house.tokens.tune(&mount).await.unwrap();
    let refused = house.tokens.tune(&mount).await;
    assert!(matches!(refused, Err(TokensError::Store(StoreError::Conflict))), "{refused:?}");
    house.tokens.cluster_id().await.unwrap();
    let mut now = Tokens::new(house.tokens.world.clone()).mount().await.unwrap();
    assert_eq!(now.about, mount.about, "the id's making leaves it as it is");
    now.about.max_lease_ttl = 0;
    house.tokens.tune(&now).await.unwrap();
}
