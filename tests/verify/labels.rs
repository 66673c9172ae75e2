//! The labels of namespaces.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use rolegate::core::reason::Undecided;
use rolegate::ports::{Freshness, Labels, Verify};
use rolegate::verify::Settings;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api_server::{ApiServer, Asked, confirmed, failure, json_answer, text_answer};
use crate::house::{House, caller, mount, mount_with, settings};

fn namespace(name: &str, labels: Value) -> Value {
    json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}})
}

/// What the server answers, and what becomes of it.
type Case = (&'static str, Option<Response<Bytes>>, Result<Labels, Undecided>);

fn known(labels: &[(&str, &str)]) -> Labels {
    Labels::Known(Arc::new(
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    ))
}

#[tokio::test]
async fn every_answer_leads_to_its_outcome() {
    let cases: [Case; 15] = [
        (
            "labels",
            Some(json_answer(200, &namespace("shop", json!({"team": "a"})))),
            Ok(known(&[("team", "a")])),
        ),
        ("null", Some(json_answer(200, &namespace("shop", Value::Null))), Ok(known(&[]))),
        ("none", Some(json_answer(200, &json!({"metadata": {"name": "shop"}}))), Ok(known(&[]))),
        ("another", Some(json_answer(200, &namespace("other", json!({})))), Err(Undecided::ApiServerError)),
        (
            "a number",
            Some(json_answer(200, &namespace("shop", json!({"a": 1})))),
            Err(Undecided::ApiServerError),
        ),
        ("a list", Some(json_answer(200, &namespace("shop", json!([])))), Err(Undecided::ApiServerError)),
        ("no metadata", Some(text_answer(200, "{}")), Err(Undecided::ApiServerError)),
        ("201", Some(json_answer(201, &namespace("shop", json!({})))), Err(Undecided::ApiServerError)),
        ("404", Some(json_answer(404, &failure(404))), Ok(Labels::Unknown)),
        ("401", Some(json_answer(401, &failure(401))), Err(Undecided::ReviewerRefused)),
        ("403", Some(json_answer(403, &failure(403))), Err(Undecided::ReviewerRefused)),
        ("a Status", Some(json_answer(200, &failure(403))), Err(Undecided::ReviewerRefused)),
        ("500", Some(text_answer(500, "")), Err(Undecided::ApiServerError)),
        ("429", Some(json_answer(429, &failure(429))), Err(Undecided::Overloaded)),
        ("dropped", None, Err(Undecided::ApiServerNoAnswer)),
    ];
    for (case, answer, expected) in cases {
        let server = ApiServer::start(move |_| answer.clone()).await;
        assert_eq!(House::new().labels(&mount(&server.url()), "shop").await, expected, "{case}");
        let asked = server.asked().remove(0);
        assert_eq!(
            (asked.method.as_str(), asked.path.as_str()),
            ("GET", "/api/v1/namespaces/shop"),
            "{case}"
        );
        assert_eq!(asked.authorization(), "Bearer reviewer");
    }
}

#[tokio::test]
async fn labels_are_remembered_briefly_and_failures_are_not() {
    let server = ApiServer::start(|asked| match asked.path.as_str() {
        "/api/v1/namespaces/down" => None,
        "/api/v1/namespaces/gone" => Some(json_answer(404, &failure(404))),
        _ => Some(json_answer(200, &namespace("shop", json!({})))),
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    for name in ["shop", "gone", "shop", "gone"] {
        house.labels(&mount, name).await.unwrap();
    }
    assert_eq!(server.asked().len(), 2);
    house.clock.forward(Duration::from_secs(10));
    house.labels(&mount, "shop").await.unwrap();
    assert_eq!(server.asked().len(), 3);
    for _ in 0..2 {
        house.labels(&mount, "down").await.unwrap_err();
    }
    let down = |asked: &Asked| asked.path.ends_with("/down");
    let times = server.asked().iter().filter(|asked| down(asked)).count();
    assert_eq!(times, 4, "each of the two once more over a new connection");
}

#[tokio::test]
async fn nobody_is_asked_without_a_reviewer_or_for_what_is_no_namespaces_name() {
    let server = ApiServer::start(|_| Some(json_answer(200, &namespace("shop", json!({}))))).await;
    let without = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    let house = House::new();
    assert_eq!(house.labels(&without, "shop").await, Ok(Labels::Unknown));
    let told = &house.health.troubles()["mount kubernetes namespaces"];
    assert!(told.contains("no token reviewer") && told.contains("selector"), "{told}");
    let (house, mount) = (House::new(), mount(&server.url()));
    for name in ["", "../x", "kube-system/pods", "Shop", "a.b", "-a", "a-", "a%2f", "a?b", &"a".repeat(64)] {
        assert_eq!(house.labels(&mount, name).await, Ok(Labels::Unknown), "{name}");
    }
    assert!(server.asked().is_empty());
    assert_eq!(house.labels(&mount, "shop").await, Ok(known(&[])));
}

#[tokio::test]
async fn labels_are_shared_and_bounded_together_with_reviews() {
    let server = ApiServer::start(|asked| {
        let name = asked.path.strip_prefix("/api/v1/namespaces/");
        Some(name.map_or_else(|| confirmed(asked), |name| json_answer(200, &namespace(name, json!({})))))
    })
    .await;
    server.hold();
    let house = House::with(Settings { max_in_flight: 1, max_waiting: 0, ..settings() });
    let mount = mount(&server.url());
    let mut asks = JoinSet::new();
    for _ in 0..100 {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        asks.spawn(async move { house.labels(&mount, "shop").await });
    }
    server.asked_times(1).await;
    assert_eq!(house.labels(&mount, "other").await, Err(Undecided::Overloaded));
    assert_eq!(house.cached(&mount, "orders").await.unwrap_err(), Undecided::Overloaded);
    server.release_all();
    for outcome in asks.join_all().await {
        assert_eq!(outcome, Ok(known(&[])));
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_reviewer_that_may_not_read_namespaces_shows_beside_the_reviews() {
    let server = ApiServer::start(|asked| {
        Some(if asked.method == "GET" { json_answer(403, &failure(403)) } else { confirmed(asked) })
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    house.labels(&mount, "shop").await.unwrap_err();
    house.cached(&mount, "orders").await.unwrap();
    let troubles = house.health.troubles();
    assert!(
        troubles.contains_key("mount kubernetes namespaces") && house.trouble().is_none(),
        "{troubles:?}"
    );
}

#[tokio::test]
async fn a_login_asks_for_labels_afresh_and_so_does_everybody_without_a_time_to_remember_them() {
    let server = ApiServer::start(|_| Some(json_answer(200, &namespace("shop", json!({}))))).await;
    let (house, mount, caller) = (House::new(), mount(&server.url()), caller(None));
    let ask = |house: House, freshness| {
        let mount = Arc::clone(&mount);
        async move { house.verifier.namespace_labels(&mount, "shop", freshness, &caller).await.unwrap() }
    };
    ask(house.clone(), Freshness::Cached).await;
    for logins in 1..=3 {
        ask(house.clone(), Freshness::Fresh).await;
        assert_eq!(server.asked().len(), 1 + logins);
    }
    // What a login has learned counts at the other door.
    ask(house, Freshness::Cached).await;
    assert_eq!(server.asked().len(), 4);

    let house = House::with(Settings { labels_ttl: Duration::ZERO, ..settings() });
    for asked in 5..=7 {
        ask(house.clone(), Freshness::Cached).await;
        assert_eq!(server.asked().len(), asked);
    }
}

#[tokio::test]
async fn a_login_does_not_take_labels_that_were_asked_for_before_it() {
    let server = ApiServer::start(|_| Some(json_answer(200, &namespace("shop", json!({}))))).await;
    server.hold();
    let (house, mount) = (House::new(), mount(&server.url()));
    let ask = |freshness| {
        let (house, mount) = (house.clone(), Arc::clone(&mount));
        tokio::spawn(async move {
            let caller = caller(None);
            house.verifier.namespace_labels(&mount, "shop", freshness, &caller).await
        })
    };
    let early = ask(Freshness::Cached);
    server.asked_times(1).await;
    let login = ask(Freshness::Fresh);
    server.asked_times(2).await;
    server.release_all();
    assert_eq!((early.await.unwrap(), login.await.unwrap()), (Ok(known(&[])), Ok(known(&[]))));
}
