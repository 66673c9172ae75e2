//! The labels of namespaces of rolegate's own cluster, while these are watched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rolegate::namespaces::{Listed, WatchedNamespaces};
use rolegate::ports::{Clock, Freshness, Labels, Verify};
use serde_json::json;

use crate::api_server::{ApiServer, json_answer};
use crate::house::{House, caller, mount, mount_with};

/// An API server whose namespaces are all of the team `asked`.
async fn server() -> ApiServer {
    ApiServer::start(|asked| {
        let name = asked.path.strip_prefix("/api/v1/namespaces/").unwrap();
        Some(json_answer(200, &json!({ "metadata": { "name": name, "labels": { "team": "asked" } } })))
    })
    .await
}

fn team(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), name.to_owned())])
}

fn known(name: &str) -> Labels {
    Labels::Known(Arc::new(team(name)))
}

/// A list of the namespace `shop` has been asked for now.
fn list(namespaces: &WatchedNamespaces, clock: &dyn Clock) {
    let mut listed = Listed::default();
    listed.set("shop".to_owned(), team("watched")).unwrap();
    namespaces.replace(listed, clock.elapsed());
}

#[tokio::test]
async fn while_the_watch_is_alive_nobody_is_asked_and_a_change_counts_for_the_next_check() {
    let server = server().await;
    let (house, home) = House::with_home(&server.url());
    let mount = mount(&server.url());
    list(&home.namespaces, &*house.clock);
    for _ in 0..3 {
        assert_eq!(house.labels(&mount, "shop").await, Ok(known("watched")));
        assert_eq!(house.labels(&mount, "other").await, Ok(Labels::Unknown));
    }
    home.namespaces.set("shop".to_owned(), team("changed")).unwrap();
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("changed")));
    house.clock.forward(Duration::from_secs(9));
    home.namespaces.confirm(house.clock.elapsed());
    house.clock.forward(Duration::from_secs(9));
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("changed")));
    home.namespaces.remove("shop");
    assert_eq!(house.labels(&mount, "shop").await, Ok(Labels::Unknown));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_watch_that_is_silent_for_too_long_counts_as_none() {
    let server = server().await;
    let (house, home) = House::with_home(&server.url());
    let mount = mount(&server.url());
    list(&home.namespaces, &*house.clock);
    house.clock.forward(Duration::from_millis(9_999));
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("watched")));
    assert!(server.asked().is_empty());
    house.clock.forward(Duration::from_millis(1));
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("asked")));
    assert_eq!(server.asked().len(), 1);
    // What is lost is not kept either.
    list(&home.namespaces, &*house.clock);
    home.namespaces.clear();
    house.clock.forward(Duration::from_secs(10));
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("asked")));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_login_asks_whatever_is_watched() {
    let server = server().await;
    let (house, home) = House::with_home(&server.url());
    let (mount, caller) = (mount(&server.url()), caller(None));
    list(&home.namespaces, &*house.clock);
    for logins in 1..=2 {
        let asked = house.verifier.namespace_labels(&mount, "shop", Freshness::Fresh, &caller).await;
        assert_eq!((asked, server.asked().len()), (Ok(known("asked")), logins));
    }
    // What it has learned is older than what is watched.
    assert_eq!(house.labels(&mount, "shop").await, Ok(known("watched")));
}

#[tokio::test]
async fn another_cluster_and_a_mount_without_a_reviewer_have_nothing_of_the_watch() {
    let server = server().await;
    let (house, home) = House::with_home("http://elsewhere.example");
    list(&home.namespaces, &*house.clock);
    assert_eq!(house.labels(&mount(&server.url()), "shop").await, Ok(known("asked")));
    let (house, home) = House::with_home(&server.url());
    list(&home.namespaces, &*house.clock);
    let without = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    assert_eq!(house.labels(&without, "shop").await, Ok(Labels::Unknown));
}
