//! Tests of wrapped answers.

use futures_util::future::join_all;

use super::house::{House, digest_of};
use crate::core::secret::Secret;
use crate::ports::store::Kind;
use crate::tokens::Issued;

async fn wrap(house: &House) -> Issued {
    let answer = Secret::from("{\"auth\":\"hunter2\"}".to_owned());
    house.tokens.wrap(&answer, "auth/kubernetes/login", 60).await.unwrap()
}

async fn unwrap(house: &House, token: &Issued) -> Option<String> {
    house.tokens.unwrap(token.token.expose()).await.unwrap().map(|answer| answer.expose().to_owned())
}

fn is_empty(house: &House) -> bool {
    house.sizes() == [0; 4] && house.store.of(Kind::Wrapped).is_empty()
}

#[tokio::test]
async fn a_wrapped_answer_is_given_out_once() {
    let house = House::new();
    let token = wrap(&house).await;
    let found = house.tokens.find_wrapping(token.token.expose()).await.unwrap().unwrap();
    assert_eq!((found.record.path.as_str(), found.record.creation_ttl), ("auth/kubernetes/login", 60));
    assert_eq!(unwrap(&house, &token).await.as_deref(), Some("{\"auth\":\"hunter2\"}"));
    assert_eq!(unwrap(&house, &token).await, None);
    assert!(house.tokens.find_wrapping(token.token.expose()).await.unwrap().is_none());
    assert!(is_empty(&house));
}

#[tokio::test]
async fn many_at_once_in_two_replicas_get_it_once() {
    let house = House::new();
    let other = house.again();
    let token = wrap(&house).await;
    let asked = (0..16).map(|number| unwrap(if number % 2 == 0 { &house } else { &other }, &token));
    assert_eq!(join_all(asked).await.into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn the_request_that_unwraps_may_come_with_the_token_itself() {
    let house = House::new();
    let token = wrap(&house).await;
    let used = house.tokens.use_once(token.token.expose()).await.unwrap().unwrap();
    assert!(used.is_last);
    assert!(unwrap(&house, &token).await.is_some());
    house.tokens.finish(&used).await.unwrap();
    assert!(is_empty(&house));
}

#[tokio::test]
async fn what_nobody_fetches_goes_with_its_token() {
    let house = House::new();
    let token = wrap(&house).await;
    house.later(61);
    assert_eq!(unwrap(&house, &token).await, None);
    house.tokens.collect_due().await.unwrap();
    assert!(is_empty(&house));
    let token = wrap(&house).await;
    house.tokens.revoke(&digest_of(&token)).await.unwrap();
    assert!(is_empty(&house));
}

#[tokio::test]
async fn other_tokens_hold_nothing() {
    let house = House::new();
    let token = house.issue(super::house::new_token()).await;
    assert_eq!(unwrap(&house, &token).await, None);
    assert!(house.tokens.find_wrapping(token.token.expose()).await.unwrap().is_none());
    assert!(house.is_good(&token).await);
}
