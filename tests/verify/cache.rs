//! What is remembered, for how long, and what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rolegate::core::identity::Review;
use rolegate::core::mount::Mount;
use rolegate::ports::{Freshness, ReviewQuery, Verify};

use crate::api_server::{ApiServer, confirmed, failure, json_answer};
use crate::house::{House, START, caller, mount, name};

const TTL: Duration = Duration::from_secs(60);
const REFUSED_TTL: Duration = Duration::from_secs(10);
const INSTANT: Duration = Duration::from_millis(1);

/// Confirms everybody but `stranger`, refuses `stranger`.
async fn server() -> ApiServer {
    ApiServer::start(|asked| {
        let mut review = crate::api_server::review_of(asked);
        review["status"]["authenticated"] = (asked.token() != "stranger").into();
        Some(json_answer(201, &review))
    })
    .await
}

#[tokio::test]
async fn answers_are_remembered_for_their_lifetime_and_not_longer() {
    for (token, lifetime) in [("orders", TTL), ("stranger", REFUSED_TTL)] {
        let (server, house) = (server().await, House::new());
        let mount = mount(&server.url());
        let first = house.cached(&mount, token).await;
        house.clock.forward(lifetime - INSTANT);
        assert_eq!(house.cached(&mount, token).await, first);
        assert_eq!(server.asked().len(), 1, "{token}");
        house.clock.forward(INSTANT);
        assert_eq!(house.cached(&mount, token).await, first);
        assert_eq!(server.asked().len(), 2, "{token}");
    }
}

#[tokio::test]
async fn a_confirmed_token_is_not_remembered_beyond_its_own_expiry() {
    let server = server().await;
    let mount = mount(&server.url());
    for (expires, lifetime) in
        [(START + 30, 30), (START + 3600, 60), (START - 5, 0), (i64::MAX, 60), (i64::MIN, 0)]
    {
        let house = House::new();
        let token = format!("t{expires}");
        let query = ReviewQuery::new(&mount, &token, Some(expires), &["api"]);
        house.verifier.review(query, Freshness::Cached, &caller(None)).await.unwrap();
        if lifetime > 0 {
            house.clock.forward(Duration::from_secs(lifetime) - INSTANT);
            assert!(house.verifier.remembered(&query).is_some(), "{expires}");
            house.clock.forward(INSTANT);
        }
        assert!(house.verifier.remembered(&query).is_none(), "{expires}");
    }
}

#[tokio::test]
async fn a_lifetime_begins_when_the_question_is_sent() {
    let (server, house) = (server().await, House::new());
    let mount = mount(&server.url());
    server.hold();
    let asking = tokio::spawn({
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        async move { house.cached(&mount, "orders").await }
    });
    server.asked_times(1).await;
    house.clock.forward(TTL);
    server.release_all();
    assert_eq!(name(&asking.await.unwrap()), "orders");
    let query = ReviewQuery::new(&mount, "orders", None, &["api"]);
    assert!(house.verifier.remembered(&query).is_none());
}

#[tokio::test]
async fn an_api_server_that_fails_is_asked_again_at_once() {
    let down = Arc::new(AtomicBool::new(true));
    let server = ApiServer::start({
        let down = Arc::clone(&down);
        move |asked| match (down.load(Ordering::SeqCst), asked.token()) {
            (true, "dropped") => None,
            (true, "refused") => Some(json_answer(403, &failure(403))),
            (true, _) => Some(json_answer(500, &failure(500))),
            (false, _) => Some(confirmed(asked)),
        }
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    for token in ["dropped", "refused", "orders"] {
        assert!(house.cached(&mount, token).await.is_err());
        assert!(house.trouble().is_some(), "{token}");
    }
    down.store(false, Ordering::SeqCst);
    for token in ["dropped", "refused", "orders"] {
        assert_eq!(name(&house.cached(&mount, token).await), token);
    }
    assert_eq!(house.trouble(), None);
}

#[tokio::test]
async fn another_token_audience_generation_or_mount_is_another_question() {
    let server = server().await;
    let (house, first) = (House::new(), mount(&server.url()));
    house.cached(&first, "orders").await.unwrap();
    let newer = Arc::new(Mount { generation: 2, ..(*first).clone() });
    let other = Arc::new(Mount { path: "other".into(), ..(*first).clone() });
    for query in [
        ReviewQuery::new(&first, "orders2", None, &["api"]),
        ReviewQuery::new(&first, "orders", None, &[]),
        ReviewQuery::new(&first, "orders", None, &["api", "b"]),
        ReviewQuery::new(&newer, "orders", None, &["api"]),
        ReviewQuery::new(&other, "orders", None, &["api"]),
    ] {
        assert!(house.verifier.remembered(&query).is_none(), "{query:?}");
    }
    assert!(house.verifier.remembered(&ReviewQuery::new(&first, "orders", Some(5), &["api"])).is_some());
}

#[tokio::test]
async fn a_login_asks_afresh_and_its_answer_is_remembered() {
    let (server, house) = (server().await, House::new());
    let mount = mount(&server.url());
    house.cached(&mount, "orders").await.unwrap();
    house.clock.forward(TTL - INSTANT);
    house.fresh(&mount, "orders").await.unwrap();
    assert_eq!(server.asked().len(), 2);
    house.clock.forward(TTL - INSTANT);
    house.cached(&mount, "orders").await.unwrap();
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn tokens_of_one_account_share_one_review() {
    let server = ApiServer::start(|asked| {
        let mut review = crate::api_server::review_of(asked);
        review["status"]["user"]["username"] = "system:serviceaccount:shop:orders".into();
        Some(json_answer(201, &review))
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    let (one, two) = (house.cached(&mount, "t1").await.unwrap(), house.cached(&mount, "t2").await.unwrap());
    assert!(matches!(&*one, Review::Confirmed(_)) && Arc::ptr_eq(&one, &two));
}
