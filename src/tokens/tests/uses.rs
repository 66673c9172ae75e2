//! Tests of counted uses.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::house::{House, digest_of, new_token};
use crate::core::client_token::USED_UP;
use crate::tokens::NewToken;

fn counted(num_uses: i64) -> NewToken {
    NewToken { num_uses, ..new_token() }
}

#[tokio::test]
async fn the_last_use_shows_itself_and_is_the_last() {
    let house = House::new();
    let issued = house.issue(counted(3)).await;
    let text = issued.token.expose();
    for (left, is_last) in [(2, false), (1, false), (USED_UP, true)] {
        let used = house.tokens.use_once(text).await.unwrap().unwrap();
        assert_eq!((used.found.record.num_uses, used.is_last), (left, is_last));
        if is_last {
            assert!(!house.is_good(&issued).await, "nobody else finds it while the last request is served");
            assert_eq!(house.tokens.renew(&digest_of(&issued), 60).await.unwrap(), None);
            assert!(house.tokens.use_found(used.found.clone()).await.unwrap().is_none());
        }
        house.tokens.finish(&used).await.unwrap();
    }
    assert!(house.tokens.use_once(text).await.unwrap().is_none());
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test]
async fn a_use_costs_one_write_and_an_uncounted_one_none() {
    let house = House::new();
    let (counted, free) = (house.issue(counted(3)).await, house.issue(new_token()).await);
    let before = house.store.calls();
    house.tokens.use_once(counted.token.expose()).await.unwrap().unwrap();
    let after = house.store.calls();
    assert_eq!((after.gets - before.gets, after.commits - before.commits), (1, 1));
    house.tokens.use_once(free.token.expose()).await.unwrap().unwrap();
    let last = house.store.calls();
    assert_eq!((last.gets - after.gets, last.commits - after.commits), (1, 0));
}

#[tokio::test]
async fn a_looked_up_token_is_not_used() {
    let house = House::new();
    let issued = house.issue(counted(1)).await;
    assert_eq!(house.find(&issued).await.unwrap().record.num_uses, 1);
    assert!(house.is_good(&issued).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_at_once_in_two_replicas_get_as_many_uses_as_there_are() {
    for uses in [1, 5, 20] {
        let house = House::new();
        let other = house.again();
        let issued = house.issue(counted(uses)).await;
        let mut tasks = JoinSet::new();
        let all_have_found = Arc::new(Barrier::new(16));
        for number in 0..16 {
            let tokens = if number % 2 == 0 { house.tokens.clone() } else { other.tokens.clone() };
            let (token, all_have_found) = (issued.token.clone(), Arc::clone(&all_have_found));
            tasks.spawn(async move {
                let found = tokens.find(token.expose()).await.unwrap().unwrap();
                all_have_found.wait().await;
                tokens.use_found(found).await.unwrap()
            });
        }
        let used: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(used.len(), usize::try_from(uses.min(16)).unwrap());
        let last = used.iter().filter(|used| used.is_last).count();
        assert_eq!(last, usize::from(uses <= 16));
        let mut left: Vec<_> = used.iter().map(|used| used.found.record.num_uses).collect();
        left.sort_unstable();
        left.dedup();
        assert_eq!(left.len(), used.len(), "every use is counted once");
    }
}

#[tokio::test]
async fn a_token_that_was_never_to_be_used_is_not_found() {
    let house = House::new();
    let issued = house.issue(counted(-1)).await;
    assert!(!house.is_good(&issued).await);
}
