//! Whose token a review is asked with, and what readiness says of it.

use std::path::Path;
use std::sync::Arc;

use rolegate::core::identity::Review;
use rolegate::core::mount::Mount;
use rolegate::core::reason::{Deny, Undecided};
use rolegate::verify::{LocalCluster, Settings, Verifier};

use crate::api_server::{ApiServer, confirmed, failure, json_answer};
use crate::house::{House, mount, mount_with, settings};

/// In a pod whose API server is at this address.
fn in_pod(folder: &Path, service_host: &str) -> Settings {
    let local = LocalCluster {
        token_file: folder.join("token"),
        ca_file: folder.join("ca.crt"),
        service_host: Some(service_host.to_owned()),
        ..LocalCluster::default()
    };
    Settings { local, ..settings() }
}

fn bearers(server: &ApiServer) -> Vec<String> {
    server.asked().iter().map(|asked| asked.authorization().to_owned()).collect()
}

#[tokio::test]
async fn the_configured_reviewer_asks_without_the_blanks_around_it() {
    let server = ApiServer::confirming().await;
    let mount = mount_with(&server.url(), |config| {
        config.token_reviewer_jwt = Some(" \treviewer\n".to_owned().into());
    });
    let house = House::new();
    house.cached(&mount, "orders").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer reviewer"]);
    assert_eq!(house.trouble(), None);
}

#[tokio::test]
async fn without_a_reviewer_each_token_asks_for_itself_and_readiness_says_so() {
    let server = ApiServer::confirming().await;
    let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    let house = House::new();
    house.cached(&mount, "orders\r\n").await.unwrap();
    house.cached(&mount, "billing").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer orders", "Bearer billing"]);
    let trouble = house.trouble().unwrap();
    assert!(trouble.contains("its own bearer") && !trouble.contains("orders"), "{trouble}");
}

#[tokio::test]
async fn the_pods_own_token_is_read_again_when_it_changes() {
    let server = ApiServer::confirming().await;
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(in_pod(folder.path(), "127.0.0.1"));
    let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    for (token, expected) in [("pod-1\n", "Bearer pod-1"), ("pod-2", "Bearer pod-2")] {
        std::fs::write(folder.path().join("token"), token).unwrap();
        let number = server.asked().len();
        house.cached(&mount, &format!("t-{number}")).await.unwrap();
        assert_eq!(server.asked()[number].authorization(), expected);
    }
}

#[tokio::test]
async fn a_token_does_not_review_itself_while_the_pods_own_cannot_be_read() {
    let server = ApiServer::confirming().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "pod").unwrap();
    let house = House::with(in_pod(folder.path(), "127.0.0.1"));
    // No question was asked while it was there.
    std::fs::remove_file(&file).unwrap();
    let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    let another = Arc::new(Mount { generation: 2, ..(*mount).clone() });
    for mount in [&mount, &another] {
        for broken in [None, Some(&b""[..]), Some(b" \n"), Some(b"\xff")] {
            match broken {
                Some(content) => std::fs::write(&file, content).unwrap(),
                None => drop(std::fs::remove_file(&file)),
            }
            assert_eq!(house.cached(mount, "orders").await.unwrap_err(), Undecided::ReviewerRefused);
            let trouble = house.trouble().unwrap();
            assert!(trouble.contains("the pod's own token cannot be read"), "{trouble}");
        }
    }
    assert!(server.asked().is_empty());
    std::fs::write(&file, "pod").unwrap();
    house.cached(&mount, "orders").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer pod"]);
    assert_eq!(house.trouble(), None);
}

#[tokio::test]
async fn in_a_pod_that_never_had_a_token_each_token_reviews_itself() {
    let server = ApiServer::confirming().await;
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(in_pod(folder.path(), "127.0.0.1"));
    let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    house.cached(&mount, "orders").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer orders"]);
}

#[tokio::test]
async fn the_pods_token_goes_nowhere_but_to_its_own_cluster_and_only_where_it_may() {
    let server = ApiServer::confirming().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "pod").unwrap();
    let elsewhere = House::with(in_pod(folder.path(), "10.0.0.1"));
    let mount_without = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    elsewhere.cached(&mount_without, "a").await.unwrap();
    let here = House::with(in_pod(folder.path(), "127.0.0.1"));
    let forbidden = mount_with(&server.url(), |config| {
        config.token_reviewer_jwt = None;
        config.disable_local_ca_jwt = true;
    });
    here.cached(&forbidden, "b").await.unwrap();
    let here = House::with(in_pod(folder.path(), "127.0.0.1"));
    here.cached(&mount(&server.url()), "c").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer a", "Bearer b", "Bearer reviewer"]);
}

#[tokio::test]
async fn a_reviewer_that_is_refused_shows_in_readiness_until_it_is_not() {
    let server = ApiServer::start(|asked| {
        Some(if asked.token() == "early" { json_answer(403, &failure(403)) } else { confirmed(asked) })
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    assert_eq!(house.cached(&mount, "early").await.unwrap_err(), Undecided::ReviewerRefused);
    let trouble = house.trouble().unwrap();
    assert!(trouble.contains("refuses the token reviewer with status 403"), "{trouble}");
    house.cached(&mount, "late").await.unwrap();
    assert_eq!(house.trouble(), None);
}

#[tokio::test]
async fn a_reviewer_that_fits_no_header_is_refused_before_it_is_sent() {
    let server = ApiServer::confirming().await;
    let mount = mount_with(&server.url(), |config| {
        config.token_reviewer_jwt = Some("a\nb".to_owned().into());
    });
    let house = House::new();
    assert_eq!(house.cached(&mount, "orders").await.unwrap_err(), Undecided::ReviewerRefused);
    assert!(server.asked().is_empty() && house.trouble().is_some());
}

#[tokio::test]
async fn a_token_that_fits_no_header_cannot_ask_for_itself() {
    let server = ApiServer::confirming().await;
    let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
    let review = House::new().cached(&mount, "a\u{1}b").await.unwrap();
    assert_eq!(*review, Review::Refused(Deny::TokenRefused));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_mount_that_is_gone_leaves_no_trouble_behind() {
    let house = House::new();
    house.cached(&mount("nowhere"), "orders").await.unwrap_err();
    assert!(house.trouble().is_some());
    Verifier::keep_only(&house.verifier, &rolegate::core::mount::Snapshot::default());
    assert_eq!(house.trouble(), None);
}
