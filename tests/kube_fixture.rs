//! The API server of the tests is a real one: it issues, reviews and refuses as a cluster does.

#![expect(clippy::expect_used, reason = "helpers of tests")]

pub mod support;

use k8s_openapi::api::authentication::v1::TokenReviewStatus;
use support::kube::{ADMIN, ISSUER, KubeApiserver, REVIEWER, Signer, unverified_claims};

async fn review(api: &KubeApiserver, reviewer: &str, token: &str, audiences: &[&str]) -> TokenReviewStatus {
    api.review(reviewer, token, audiences).await.expect("a review").status.expect("a status")
}

#[tokio::test]
async fn a_requested_token_is_confirmed_to_a_reviewer_with_the_right() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let uid = api.service_account(&namespace, "orders").await;
    let token = api.token(&namespace, "orders", &["gate"], 600).await;

    let status = review(api, &api.reviewer(&namespace).await, &token, &["gate"]).await;

    assert_eq!(status.authenticated, Some(true));
    assert_eq!(status.audiences, Some(vec!["gate".to_owned()]));
    let user = status.user.unwrap();
    assert_eq!(user.username, Some(format!("system:serviceaccount:{namespace}:orders")));
    assert_eq!(user.uid, Some(uid));
    let claims = unverified_claims(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
}

#[tokio::test]
async fn a_reviewer_without_the_right_gets_403_and_an_unknown_one_401() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    api.service_account(&namespace, "orders").await;
    let token = api.token(&namespace, "orders", &[], 600).await;

    for (reviewer, code) in
        [(&token, 403), (&api.token_of_user(REVIEWER), 403), (&api.token_of_user("nobody"), 401)]
    {
        match api.review(reviewer, &token, &[]).await {
            Err(kube::Error::Api(refusal)) => assert_eq!(refusal.code, code, "{refusal}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn expired_forged_foreign_and_orphaned_tokens_are_not_authenticated() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    api.service_account(&namespace, "orders").await;
    let token = api.token(&namespace, "orders", &["gate"], 600).await;
    let reviewer = api.token_of_user(ADMIN);
    let authenticated = async |token: &str, audience| {
        review(api, &reviewer, token, &[audience]).await.authenticated.unwrap_or_default()
    };

    assert!(authenticated(&token, "gate").await);
    assert!(
        authenticated(&api.signer.resign(&token, |_| ()), "gate").await,
        "the fixture signs as the server does"
    );
    assert!(!authenticated(&api.signer.expired(&token), "gate").await);
    assert!(!authenticated(&Signer::new().resign(&token, |_| ()), "gate").await);
    assert!(!authenticated(&token, "another").await);
    api.delete_service_account(&namespace, "orders").await;
    support::eventually("the token of a deleted account is refused", async || {
        (!authenticated(&token, "gate").await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_goes_on_and_one_that_stopped_comes_back_with_what_it_knew() {
    let api = KubeApiserver::start().await;
    let namespace = api.namespace(&[("team", "shop")]).await;
    api.service_account(&namespace, "orders").await;
    let token = api.token(&namespace, "orders", &[], 600).await;
    let admin = api.token_of_user(ADMIN);

    api.hang().await;
    let (waiting, ()) = tokio::join!(api.review(&admin, &token, &[]), async {
        tokio::net::TcpStream::connect(api.address()).await.expect("connections are still taken");
        api.go_on();
    });
    assert!(waiting.unwrap().status.unwrap().authenticated.unwrap());

    api.stop();
    assert!(api.review(&admin, &token, &[]).await.is_err());
    api.restart().await;
    assert_eq!(review(&api, &admin, &token, &[]).await.authenticated, Some(true));
}
