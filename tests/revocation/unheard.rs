//! What is deleted while nobody hears it.

use k8s_openapi::api::core::v1::{Pod, ServiceAccount};

use super::stage::{HOME, Stage};
use super::support::kube::{ADMIN, KubeApiserver};
use super::way::Way;

#[tokio::test]
async fn what_is_deleted_while_the_watches_are_broken_is_noticed_when_they_are_back() {
    let api = KubeApiserver::shared().await;
    let way = Way::to(api.address()).await;
    let stage = Stage::as_user(api, &api.token_of_user(ADMIN), way.port).await;
    for resource in ["serviceaccounts", "secrets", "pods"] {
        stage.hears(resource).await;
    }
    let (orders, _) = stage.account("orders").await;
    let (billing, _) = stage.account("billing").await;
    let (_, of_pod) = stage.pod("billing-1", "billing").await;
    for token in [&orders, &billing, &of_pod] {
        stage.remembered(HOME, token).await;
    }
    way.cut();
    stage.rolegate.wait_for_log("deletions of serviceaccounts are not heard").await;
    stage.rolegate.wait_for_log("deletions of pods are not heard").await;
    stage.delete::<ServiceAccount>("orders").await;
    stage.delete::<Pod>("billing-1").await;
    // What is remembered serves on, for nobody can tell.
    for token in [&orders, &billing, &of_pod] {
        assert_eq!(stage.check(HOME, token).await, "allowed");
    }
    way.mend();
    for resource in ["serviceaccounts", "secrets", "pods"] {
        stage.hears(resource).await;
    }
    stage.checks_with(HOME, &orders, "token_refused").await;
    stage.checks_with(HOME, &of_pod, "token_refused").await;
    let asked = stage.reviews(HOME).await;
    assert_eq!(stage.check(HOME, &billing).await, "allowed");
    assert_eq!(stage.reviews(HOME).await, asked);
}
