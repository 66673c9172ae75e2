//! How much an API server gets to do, and what happens to the rest.

use std::sync::Arc;
use std::time::Duration;

use rolegate::core::identity::Review;
use rolegate::core::reason::Undecided;
use rolegate::verify::Settings;
use tokio::task::JoinSet;

use crate::api_server::ApiServer;
use crate::house::{House, mount, mount_with, settings};
use crate::support::certificates::Authority;
use crate::support::within;

type Outcomes = JoinSet<Result<Arc<Review>, Undecided>>;

fn asks(house: &House, server: &ApiServer, tokens: std::ops::Range<usize>) -> Outcomes {
    let mount = mount(&server.url());
    let mut asks = JoinSet::new();
    for number in tokens {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        asks.spawn(async move { house.cached(&mount, &format!("t{number}")).await });
    }
    asks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_tokens_is_served_within_the_bounds_or_told_overloaded() {
    let server = ApiServer::confirming().await;
    let house = House::with(Settings { max_in_flight: 8, max_waiting: 100, ..settings() });
    let outcomes = within("5,000 answers", asks(&house, &server, 0..5000).join_all()).await;
    let served = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let overloaded = outcomes.iter().filter(|outcome| matches!(outcome, Err(Undecided::Overloaded))).count();
    assert_eq!(served + overloaded, 5000);
    assert!(served >= 108, "{served}");
    assert_eq!(server.asked().len(), served);
    assert!(server.most_at_a_time() <= 8, "{}", server.most_at_a_time());
}

#[tokio::test]
async fn exactly_as_many_wait_as_may_and_they_are_served_in_the_end() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 2, max_waiting: 3, ..settings() });
    let mut asks = asks(&house, &server, 0..9);
    for _ in 0..4 {
        let outcome = within("what is refused at once", asks.join_next()).await.unwrap().unwrap();
        assert_eq!(outcome.unwrap_err(), Undecided::Overloaded);
    }
    server.asked_times(2).await;
    server.release_all();
    for outcome in within("the others", asks.join_all()).await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!((server.asked().len(), server.most_at_a_time()), (5, 2));
    assert_eq!(house.trouble(), None, "being overloaded says nothing of the API server");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_gives_no_answer() {
    let server = ApiServer::confirming().await;
    server.hold();
    let timeout = Duration::from_millis(100);
    let house = House::with(Settings { timeout, ..settings() });
    let outcome = house.cached(&mount(&server.url()), "orders").await;
    assert_eq!(outcome.unwrap_err(), Undecided::ApiServerNoAnswer);
    assert!(house.trouble().unwrap().contains("no answer within 100ms"));
    server.idle().await;
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_gives_no_answer() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("https://{}", silent.local_addr().unwrap());
    let house = House::with(Settings { timeout: Duration::from_millis(100), ..settings() });
    let mount = mount_with(&host, |config| config.kubernetes_ca_cert = Authority::new().pem);
    let outcome = house.cached(&mount, "orders").await;
    assert_eq!(outcome.unwrap_err(), Undecided::ApiServerNoAnswer);
}
