//! Reviews under way: shared, not cancelled, and never older than a login's question.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::core::reason::Undecided;
use rolegate::ports::{Freshness, ReviewQuery, Verify};
use rolegate::verify::Settings;
use tokio::task::JoinSet;

use crate::api_server::{ApiServer, json_answer, review_of};
use crate::house::{House, caller, mount, name, settings};
use crate::support::{DEADLINE, within};

/// Starts this many asks, each of which has joined or started its review when this returns.
async fn asks(
    house: &House,
    server: &ApiServer,
    freshness: Freshness,
    count: usize,
) -> JoinSet<Result<Arc<rolegate::core::identity::Review>, Undecided>> {
    let mount = mount(&server.url());
    let mut asks = JoinSet::new();
    for _ in 0..count {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        let (begun, beginning) = tokio::sync::oneshot::channel();
        asks.spawn(async move {
            let query = ReviewQuery::new(&mount, "orders", None, &["api"]);
            let caller = caller(None);
            let mut review = house.verifier.review(query, freshness, &caller);
            let first = futures_util::poll!(&mut review);
            begun.send(()).unwrap();
            match first {
                std::task::Poll::Ready(outcome) => outcome,
                std::task::Poll::Pending => review.await,
            }
        });
        beginning.await.unwrap();
    }
    asks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_asks_with_one_new_token_are_one_review() {
    let server = ApiServer::confirming().await;
    let (house, mount) = (House::new(), mount(&server.url()));
    let mut asks = JoinSet::new();
    for _ in 0..10_000 {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        asks.spawn(async move { house.cached(&mount, "orders").await });
    }
    for outcome in within("10,000 answers", asks.join_all()).await {
        assert_eq!(name(&outcome), "orders");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing_for_the_others() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::new();
    let mut gone = asks(&house, &server, Freshness::Cached, 1).await;
    server.asked_times(1).await;
    let mut stays = asks(&house, &server, Freshness::Cached, 1).await;
    gone.shutdown().await;
    server.release_all();
    assert_eq!(name(&stays.join_next().await.unwrap().unwrap()), "orders");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_review_that_nobody_waits_for_any_more_is_remembered() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::new();
    let mut gone = asks(&house, &server, Freshness::Cached, 1).await;
    server.asked_times(1).await;
    gone.shutdown().await;
    server.release_all();
    within("the end of the review", house.verifier.finished()).await;
    let mount = mount(&server.url());
    assert!(house.verifier.remembered(&ReviewQuery::new(&mount, "orders", None, &["api"])).is_some());
}

#[tokio::test]
async fn a_callers_deadline_ends_its_own_wait_alone() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::new();
    let mut patient = asks(&house, &server, Freshness::Cached, 1).await;
    server.asked_times(1).await;
    let mount = mount(&server.url());
    let soon = Instant::now() + Duration::from_millis(20);
    let hurried = house.ask(&mount, "orders", Freshness::Cached, Some(soon)).await;
    assert_eq!(hurried.unwrap_err(), Undecided::Deadline);
    let passed = house.ask(&mount, "billing", Freshness::Fresh, Some(Instant::now())).await;
    assert_eq!(passed.unwrap_err(), Undecided::Deadline);
    server.release_all();
    assert_eq!(name(&patient.join_next().await.unwrap().unwrap()), "orders");
    assert_eq!(server.asked().len(), 1, "nothing is begun for a deadline that has passed");
    let late = Instant::now() + DEADLINE;
    house.ask(&mount, "orders", Freshness::Fresh, Some(late)).await.unwrap();
}

#[tokio::test]
async fn a_login_does_not_take_the_answer_to_a_question_sent_before_it() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::new();
    let mut early = asks(&house, &server, Freshness::Cached, 1).await;
    server.asked_times(1).await;
    let mut login = asks(&house, &server, Freshness::Fresh, 1).await;
    server.asked_times(2).await;
    // Who does not mind joins the newest.
    let mut late = asks(&house, &server, Freshness::Cached, 1).await;
    server.release_all();
    for asks in [&mut early, &mut login, &mut late] {
        assert_eq!(name(&asks.join_next().await.unwrap().unwrap()), "orders");
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn logins_share_a_question_that_still_waits_for_its_turn() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, ..settings() });
    let mut first = asks(&house, &server, Freshness::Fresh, 1).await;
    server.asked_times(1).await;
    let mut queued = asks(&house, &server, Freshness::Fresh, 100).await;
    server.release_all();
    assert_eq!(name(&first.join_next().await.unwrap().unwrap()), "orders");
    while let Some(outcome) = queued.join_next().await {
        assert_eq!(name(&outcome.unwrap()), "orders");
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn an_older_answer_that_comes_late_does_not_replace_a_newer_one() {
    // The account is there at the first question and gone at the second; the first answer comes last.
    let server = ApiServer::start(|asked| {
        let mut review = review_of(asked);
        review["status"]["authenticated"] = (asked.headers["authorization"] == "Bearer first").into();
        Some(json_answer(201, &review))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let local = rolegate::verify::LocalCluster {
        token_file: token.clone(),
        ca_file: token.clone(),
        service_host: Some("127.0.0.1".to_owned()),
        ..Default::default()
    };
    let house = House::with(Settings { local, ..settings() });
    let mount = crate::house::mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    std::fs::write(&token, "first").unwrap();
    server.hold();
    let spawn = |freshness| {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        tokio::spawn(async move { house.ask(&mount, "orders", freshness, None).await })
    };
    let early = spawn(Freshness::Cached);
    server.asked_times(1).await;
    std::fs::write(&token, "second").unwrap();
    let login = spawn(Freshness::Fresh);
    server.asked_times(2).await;
    server.release_only("Bearer second");
    let refused = login.await.unwrap().unwrap();
    server.release_all();
    assert_ne!(early.await.unwrap().unwrap(), refused);
    assert_eq!(house.cached(&mount, "orders").await.unwrap(), refused);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_review_that_panics_is_undecided_and_does_not_block_the_next() {
    let server = ApiServer::confirming().await;
    let house = House::new();
    server.hold();
    let mut asks = asks(&house, &server, Freshness::Cached, 2).await;
    server.asked_times(1).await;
    house.clock.broken(true);
    server.release_all();
    while let Some(outcome) = asks.join_next().await {
        assert_eq!(outcome.unwrap().unwrap_err(), Undecided::ApiServerError);
    }
    house.clock.broken(false);
    assert_eq!(name(&house.cached(&mount(&server.url()), "orders").await), "orders");
    assert_eq!(server.asked().len(), 2);
}
