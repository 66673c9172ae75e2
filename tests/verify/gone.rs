//! Reviews of tokens that name what is gone from rolegate's own cluster.

use std::sync::Arc;
use std::time::Duration;

use rolegate::core::identity::Review;
use rolegate::core::mount::Mount;
use rolegate::core::token::UnverifiedClaims;
use rolegate::departures::{Kind, Object};
use rolegate::ports::gone::Gone;
use rolegate::ports::{Freshness, ReviewQuery, Verify};

use crate::api_server::{ApiServer, json_answer, review_of};
use crate::house::{House, START, caller, mount, name};

const GONE: Object<'_> = Object { uid: "gone", namespace: "shop", name: "orders" };

/// The claims of a token of this service account.
fn claims(uid: &str) -> UnverifiedClaims {
    UnverifiedClaims { uid: uid.to_owned(), ..UnverifiedClaims::default() }
}

fn query<'a>(mount: &'a Arc<Mount>, token: &'a str, claims: &'a UnverifiedClaims) -> ReviewQuery<'a> {
    ReviewQuery::new(mount, token, None, &["api"]).of(claims)
}

/// Confirms everybody but `stranger`.
async fn server() -> ApiServer {
    ApiServer::start(|asked| {
        let mut review = review_of(asked);
        review["status"]["authenticated"] = (asked.token() != "stranger").into();
        Some(json_answer(201, &review))
    })
    .await
}

#[tokio::test]
async fn a_review_that_was_sent_before_a_deletion_is_neither_joined_nor_counts_afterwards() {
    let server = server().await;
    let (house, departures) = House::at_home(&server.url());
    let mount = mount(&server.url());
    let ask = || {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        tokio::spawn(async move {
            let claims = claims("gone");
            house.verifier.review(query(&mount, "orders", &claims), Freshness::Cached, &caller(None)).await
        })
    };
    server.hold();
    let before = ask();
    server.asked_times(1).await;
    departures.left(Kind::Account, GONE);
    let after = ask();
    server.asked_times(2).await;
    server.release_all();
    assert_eq!(name(&before.await.unwrap()), "orders");
    assert_eq!(name(&after.await.unwrap()), "orders");
    let claims = claims("gone");
    let query = query(&mount, "orders", &claims);
    assert!(house.verifier.remembered(&query).is_none());
    // What was sent afterwards counts for a moment, for the API server may have answered from memory.
    house.clock.forward(Duration::from_secs(5));
    house.verifier.review(query, Freshness::Cached, &caller(None)).await.unwrap();
    assert!(house.verifier.remembered(&query).is_some());
    house.clock.forward(Duration::from_millis(999));
    assert!(house.verifier.remembered(&query).is_some());
    house.clock.forward(Duration::from_millis(1));
    assert!(house.verifier.remembered(&query).is_none());
    // What is sent once it has forgotten counts as ever.
    house.clock.forward(Duration::from_secs(60));
    house.verifier.review(query, Freshness::Cached, &caller(None)).await.unwrap();
    house.clock.forward(Duration::from_secs(59));
    assert!(house.verifier.remembered(&query).is_some());
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_review_that_was_sent_after_a_deletion_is_shared() {
    let server = server().await;
    let (house, departures) = House::at_home(&server.url());
    let mount = mount(&server.url());
    departures.left(Kind::Account, GONE);
    house.clock.forward(Duration::from_millis(100));
    let ask = || {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        tokio::spawn(async move {
            let claims = claims("gone");
            house.verifier.review(query(&mount, "orders", &claims), Freshness::Cached, &caller(None)).await
        })
    };
    server.hold();
    let first = ask();
    server.asked_times(1).await;
    let second = ask();
    tokio::task::yield_now().await;
    server.release_all();
    assert_eq!(name(&first.await.unwrap()), "orders");
    assert_eq!(name(&second.await.unwrap()), "orders");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn others_and_refusals_stay_remembered_and_so_does_everything_of_another_cluster() {
    let server = server().await;
    let (house, departures) = House::at_home(&server.url());
    let (elsewhere, of_elsewhere) = House::at_home("http://elsewhere.example");
    let mount = mount(&server.url());
    let (gone, there) = (claims("gone"), claims("there"));
    let kept = [query(&mount, "billing", &there), query(&mount, "stranger", &gone)];
    let (lost, unread) = (query(&mount, "orders", &gone), ReviewQuery::new(&mount, "unread", None, &["api"]));
    for house in [&house, &elsewhere] {
        for query in kept.iter().chain([&lost, &unread]) {
            house.verifier.review(*query, Freshness::Cached, &caller(None)).await.unwrap();
        }
    }
    departures.left(Kind::Account, GONE);
    of_elsewhere.left(Kind::Account, GONE);
    for query in kept.iter().chain([&unread]) {
        assert!(house.verifier.remembered(query).is_some(), "{query:?}");
    }
    assert!(house.verifier.remembered(&lost).is_none());
    assert!(elsewhere.verifier.remembered(&lost).is_some());
    let refused = house.verifier.remembered(&kept[1]).unwrap();
    assert!(matches!(*refused, Review::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn a_service_account_is_gone_at_the_mount_of_its_own_cluster_alone() {
    let (house, departures) = House::at_home("https://kube.example");
    let home = mount("https://kube.example:443/");
    let other = Arc::new(Mount { path: "other".into(), ..(*mount("https://other.example")).clone() });
    assert!(!house.verifier.is_gone(&home, "gone", START));
    departures.left(Kind::Account, GONE);
    assert!(house.verifier.is_gone(&home, "gone", START));
    assert!(!house.verifier.is_gone(&home, "there", START));
    assert!(!house.verifier.is_gone(&other, "gone", START));
    let unconfigured = Arc::new(Mount { generation: 2, config: None, ..(*home).clone() });
    assert!(!house.verifier.is_gone(&unconfigured, "gone", START));
}
