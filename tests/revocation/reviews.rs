//! Remembered reviews of what is deleted.

use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};

use super::stage::{ELSEWHERE, HOME, Stage};
use super::support::kube::KubeApiserver;

#[tokio::test]
async fn a_deleted_service_account_ends_its_remembered_reviews_at_home_alone() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let ((orders, uid), (billing, _)) = (stage.account("orders").await, stage.account("billing").await);
    for mount in [HOME, ELSEWHERE] {
        stage.remembered(mount, &orders).await;
        stage.remembered(mount, &billing).await;
    }
    stage.delete::<ServiceAccount>("orders").await;
    stage.is_reviewed_anew(&orders, &uid).await;

    let asked = (stage.reviews(HOME).await, stage.reviews(ELSEWHERE).await);
    assert_eq!(stage.check(HOME, &billing).await, "allowed");
    assert_eq!(stage.check(ELSEWHERE, &orders).await, "allowed");
    assert_eq!((stage.reviews(HOME).await, stage.reviews(ELSEWHERE).await), asked);
}

#[tokio::test]
async fn a_service_account_that_was_made_anew_is_another() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (before, uid) = stage.account("orders").await;
    stage.remembered(HOME, &before).await;
    stage.delete::<ServiceAccount>("orders").await;
    let (anew, _) = stage.account("orders").await;
    stage.is_reviewed_anew(&before, &uid).await;
    stage.remembered(HOME, &anew).await;
}

#[tokio::test]
async fn a_deleted_pod_ends_the_remembered_reviews_of_its_tokens_alone() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (unbound, _) = stage.account("orders").await;
    let (uid, of_pod) = stage.pod("orders-1", "orders").await;
    let (_, of_other) = stage.pod("orders-2", "orders").await;
    for token in [&unbound, &of_pod, &of_other] {
        stage.remembered(HOME, token).await;
    }
    stage.delete::<Pod>("orders-1").await;
    stage.is_reviewed_anew(&of_pod, &uid).await;
    let asked = stage.reviews(HOME).await;
    for token in [&unbound, &of_other] {
        assert_eq!(stage.check(HOME, token).await, "allowed");
    }
    assert_eq!(stage.reviews(HOME).await, asked);
}

#[tokio::test]
async fn a_deleted_legacy_secret_ends_the_remembered_reviews_of_its_token_alone() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let (projected, account) = stage.account("orders").await;
    let (uid, legacy) = stage.legacy_token("orders-token-1", "orders", &account).await;
    let (_, other) = stage.legacy_token("orders-token-2", "orders", &account).await;
    for token in [&projected, &legacy, &other] {
        stage.remembered(HOME, token).await;
    }
    stage.delete::<Secret>("orders-token-1").await;
    stage.is_reviewed_anew(&legacy, &uid).await;
    let asked = stage.reviews(HOME).await;
    for token in [&projected, &other] {
        assert_eq!(stage.check(HOME, token).await, "allowed");
    }
    assert_eq!(stage.reviews(HOME).await, asked);
}
