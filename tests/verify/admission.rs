//! Whose questions an API server is asked when there are more than it answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use rolegate::core::identity::Review;
use rolegate::core::jwks::LocalSignature;
use rolegate::core::mount::Mount;
use rolegate::core::reason::Undecided;
use rolegate::core::token::UnverifiedClaims;
use rolegate::ports::{Answer, Caller, Door, Freshness, Labels, Origin, ReviewQuery, Verify};
use rolegate::verify::Settings;
use tokio::task::JoinSet;

use crate::api_server::{ApiServer, json_answer, review_of};
use crate::house::{House, caller, mount, name, settings};
use crate::support::within;

type Outcome = Result<Arc<Review>, Undecided>;

/// Somebody at a door, by the address and port of the connection.
fn from(door: Door, connection: &str) -> Caller {
    let connection: SocketAddr = connection.parse().unwrap();
    Caller::begin(Origin { door, client: Some(connection.ip()), connection: Some(connection) }, None)
}

/// Asks, and returns once the question was sent, waits or is answered.
async fn begin(
    house: &House,
    mount: &Arc<Mount>,
    token: &str,
    caller: Caller,
) -> tokio::task::JoinHandle<Outcome> {
    begin_signed(house, mount, token, None, caller).await
}

/// The same for a token whose signature was proven to be of this account, where there is one.
async fn begin_signed(
    house: &House,
    mount: &Arc<Mount>,
    token: &str,
    account: Option<&str>,
    caller: Caller,
) -> tokio::task::JoinHandle<Outcome> {
    let (house, mount, token) = (house.clone(), Arc::clone(mount), token.to_owned());
    let claims =
        UnverifiedClaims { name: account.unwrap_or_default().to_owned(), ..UnverifiedClaims::default() };
    let signature = account.map_or(LocalSignature::Unknown, |_| LocalSignature::Proven);
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let asking = tokio::spawn(async move {
        let query = ReviewQuery::new(&mount, &token, None, &["api"]).of(&claims).with_signature(signature);
        let mut review: Answer<'_, _> = house.verifier.review(query, Freshness::Cached, &caller);
        let first = (&mut review).now_or_never();
        begun.send(()).unwrap();
        if let Some(outcome) = first { outcome } else { review.await }
    });
    beginning.await.unwrap();
    asking
}

/// The tokens that the server was asked about, in order.
fn tokens(server: &ApiServer) -> Vec<String> {
    server.asked().iter().map(|asked| asked.token().to_owned()).collect()
}

/// Everybody's outcome, once the server answers again.
async fn finish(server: &ApiServer, asking: Vec<tokio::task::JoinHandle<Outcome>>) -> Vec<Outcome> {
    server.release_all();
    let mut outcomes = Vec::new();
    for one in asking {
        outcomes.push(within("an answer", one).await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn a_flood_from_one_address_is_no_wait_for_others_and_gives_way_to_them() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 20, ..settings() });
    let mount = mount(&server.url());
    let mut asking = Vec::new();
    // As many connections as they like, of one address or of one network.
    for number in 0..10 {
        let port = 1000 + number;
        let four = from(Door::Envoy, &format!("203.0.113.9:{port}"));
        asking.push(begin(&house, &mount, &format!("four{number}"), four).await);
        let six = from(Door::Envoy, &format!("[2001:db8::{number}]:{port}"));
        asking.push(begin(&house, &mount, &format!("six{number}"), six).await);
    }
    asking.push(begin(&house, &mount, "last", from(Door::Envoy, "203.0.113.9:5000")).await);
    for (token, address) in [("a", "10.0.0.1:1"), ("b", "10.0.0.2:1"), ("c", "[2001:db8:0:1::1]:1")] {
        asking.push(begin(&house, &mount, token, from(Door::Envoy, address)).await);
    }
    let outcomes = finish(&server, asking).await;
    // One was sent before. After it everybody's network has one turn in each round.
    let order = tokens(&server);
    assert!(["a", "b", "c"].iter().all(|token| order[..6].contains(&(*token).to_owned())), "{order:?}");
    let overloaded = outcomes.iter().filter(|outcome| matches!(outcome, Err(Undecided::Overloaded)));
    assert_eq!(overloaded.count(), 3, "as many as came when all places were taken");
    assert!(outcomes[21..].iter().all(Result::is_ok));
}

#[tokio::test]
async fn neither_door_takes_the_turns_of_the_other() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 8, ..settings() });
    let mount = mount(&server.url());
    let mut asking = Vec::new();
    for number in 0..20 {
        let login = from(Door::Vault, &format!("127.0.0.1:{}", 1000 + number));
        asking.push(begin(&house, &mount, &format!("login{number}"), login).await);
    }
    for number in 0..3 {
        let check = from(Door::Envoy, "127.0.0.1:1");
        asking.push(begin(&house, &mount, &format!("check{number}"), check).await);
    }
    let outcomes = finish(&server, asking).await;
    assert!(outcomes[20..].iter().all(Result::is_ok), "{:?}", &outcomes[20..]);
    let order = tokens(&server);
    assert!((0..3).all(|number| order[..7].contains(&format!("check{number}"))), "{order:?}");
}

#[tokio::test]
async fn proven_tokens_come_first_and_no_account_takes_more_than_its_share() {
    let server = ApiServer::start(|asked| {
        let mut review = review_of(asked);
        review["status"]["authenticated"] = (!asked.token().starts_with("forged")).into();
        Some(json_answer(201, &review))
    })
    .await;
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 100, ..settings() });
    let mount = mount(&server.url());
    // Confirmed once, and a login asks afresh.
    house.fresh(&mount, "known").await.unwrap();
    server.hold();
    let mut asking = Vec::new();
    for number in 0..12 {
        let address = format!("203.0.113.{number}:1");
        asking.push(begin(&house, &mount, &format!("forged{number}"), from(Door::Envoy, &address)).await);
    }
    for number in 0..12 {
        // Valid tokens of one account from many addresses.
        let caller = from(Door::Envoy, &format!("198.51.100.{number}:1"));
        asking.push(begin_signed(&house, &mount, &format!("greedy{number}"), Some("greedy"), caller).await);
    }
    let modest = from(Door::Envoy, "10.0.0.1:1");
    asking.push(begin_signed(&house, &mount, "modest", Some("modest"), modest).await);
    let login = {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        tokio::spawn(async move {
            let caller = from(Door::Envoy, "10.0.0.2:1");
            let query = ReviewQuery::new(&mount, "known", None, &["api"]);
            house.verifier.review(query, Freshness::Fresh, &caller).await
        })
    };
    tokio::task::yield_now().await;
    asking.push(login);
    finish(&server, asking).await;
    let order = tokens(&server);
    // The first two were sent before anybody waited.
    let place = |token: &str| order.iter().rposition(|asked| asked == token).unwrap();
    assert!(place("modest") <= 5 && place("known") <= 5, "{order:?}");
    assert!(place("forged1") <= 12, "the unproven get every eighth turn: {order:?}");
    assert!(place("forged11") > place("greedy11"), "{order:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_waits_is_not_asked_for() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 2, ..settings() });
    let mount = mount(&server.url());
    let first = begin(&house, &mount, "first", caller(None)).await;
    for number in 0..50 {
        let reset = begin(&house, &mount, &format!("reset{number}"), caller(None)).await;
        reset.abort();
        assert!(reset.await.unwrap_err().is_cancelled());
    }
    let stays = begin(&house, &mount, "stays", caller(None)).await;
    // Of two who wait for the same one goes away, whoever has asked.
    let one = begin(&house, &mount, "shared", caller(None)).await;
    let other = begin(&house, &mount, "shared", caller(None)).await;
    one.abort();
    one.await.unwrap_err();
    for outcome in finish(&server, vec![first, stays, other]).await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(tokens(&server), ["first", "stays", "shared"]);
    within("the end of all questions", house.verifier.finished()).await;
}

#[tokio::test]
async fn the_last_of_those_who_share_a_question_takes_it_out_of_the_queue() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 2, ..settings() });
    let mount = mount(&server.url());
    let first = begin(&house, &mount, "first", caller(None)).await;
    let shared = [
        begin(&house, &mount, "shared", caller(None)).await,
        begin(&house, &mount, "shared", caller(None)).await,
    ];
    for one in shared {
        one.abort();
        one.await.unwrap_err();
    }
    assert!(finish(&server, vec![first]).await[0].is_ok());
    within("the end of all questions", house.verifier.finished()).await;
    assert_eq!(tokens(&server), ["first"]);
}

#[tokio::test]
async fn a_shared_question_waits_as_long_as_the_last_of_those_who_want_it() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, ..settings() });
    let mount = mount(&server.url());
    let first = begin(&house, &mount, "first", caller(None)).await;
    let soon = Instant::now() + Duration::from_millis(30);
    let hurried = begin(&house, &mount, "shared", caller(Some(soon))).await;
    let patient = begin(&house, &mount, "shared", caller(None)).await;
    assert_eq!(within("its deadline", hurried).await.unwrap().unwrap_err(), Undecided::Deadline);
    let outcomes = finish(&server, vec![first, patient]).await;
    assert_eq!(name(&outcomes[1]), "shared");
    assert_eq!(tokens(&server), ["first", "shared"]);
}

#[tokio::test]
async fn one_ask_has_one_time_out_for_all_that_it_asks() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { timeout: Duration::from_millis(50), ..settings() });
    let mount = mount(&server.url());
    let caller = caller(None);
    let query = ReviewQuery::new(&mount, "orders", None, &["api"]);
    let review = within("the time-out", house.verifier.review(query, Freshness::Cached, &caller)).await;
    assert_eq!(review.unwrap_err(), Undecided::ApiServerNoAnswer);
    let query = ReviewQuery::new(&mount, "orders", None, &["another"]);
    let again = house.verifier.review(query, Freshness::Cached, &caller).now_or_never();
    assert_eq!(again.expect("no wait").unwrap_err(), Undecided::Deadline);
    let labels = house.verifier.namespace_labels(&mount, "shop", Freshness::Cached, &caller).now_or_never();
    assert_eq!(labels.expect("no wait"), Err::<Labels, _>(Undecided::Deadline));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_question_that_had_to_wait_never_opens_a_gate() {
    // The API server is gone by the time that the second question's turn comes.
    let server = ApiServer::start(|_| None).await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, ..settings() });
    let mount = mount(&server.url());
    let first = begin(&house, &mount, "first", caller(None)).await;
    server.asked_times(1).await;
    let second = begin(&house, &mount, "second", caller(None)).await;
    drop(server);
    within("the first", first).await.unwrap().unwrap_err();
    let outcome = within("the second", second).await.unwrap().unwrap_err();
    assert!(!outcome.may_open(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_with_cold_caches_do_not_drown_an_api_server_and_serve_everybody() {
    let server = ApiServer::confirming().await;
    let mount = mount(&server.url());
    let replicas =
        [(); 2].map(|()| House::with(Settings { max_in_flight: 8, max_waiting: 64, ..settings() }));
    let mut callers = JoinSet::new();
    for number in 0..2000_u32 {
        let (house, mount) = (replicas[number as usize % 2].clone(), Arc::clone(&mount));
        callers.spawn(async move {
            let [.., high, low] = number.to_be_bytes();
            let address = format!("10.0.{high}.{low}:1");
            let token = format!("t{number}");
            let mut refusals = 0;
            loop {
                let query = ReviewQuery::new(&mount, &token, None, &["api"]);
                match house.verifier.review(query, Freshness::Cached, &from(Door::Envoy, &address)).await {
                    Ok(_) => return refusals,
                    // As a client does that is told to try again.
                    Err(Undecided::Overloaded) => refusals += 1,
                    Err(other) => panic!("{other:?}"),
                }
                tokio::time::sleep(Duration::from_millis(400)).await;
            }
        });
    }
    let refusals: usize = within("2,000 answers", callers.join_all()).await.into_iter().sum();
    assert!(refusals > 0, "more came than could wait");
    assert_eq!(server.asked().len(), 2000, "each token costs one review");
    assert!(server.most_at_a_time() <= 16, "{}", server.most_at_a_time());
}
