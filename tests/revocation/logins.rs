//! Client tokens of logins whose service account is deleted.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::json;

use super::stage::{ELSEWHERE, HOME, Stage};
use super::support::kube::KubeApiserver;

#[tokio::test]
async fn a_login_of_a_deleted_service_account_is_neither_renewed_nor_admitted_at_home() {
    let stage = Stage::new(KubeApiserver::shared().await).await;
    let ((orders, uid), (billing, _)) = (stage.account("orders").await, stage.account("billing").await);
    let at_home = stage.login(HOME, &orders).await;
    let elsewhere = stage.login(ELSEWHERE, &orders).await;
    let of_other = stage.login(HOME, &billing).await;
    let mut renewed = Vec::new();
    for token in [&at_home, &elsewhere, &of_other] {
        renewed.push(stage.vault("auth/token/renew-self", token, json!({})).await.0);
    }
    assert_eq!(renewed, [200, 200, 200]);
    assert_eq!(stage.check(HOME, &at_home).await, "allowed");

    stage.delete::<ServiceAccount>("orders").await;
    stage.has_heard(&uid).await;
    let (status, answer) = stage.vault("auth/token/renew-self", &at_home, json!({})).await;
    assert_eq!((status, &answer["errors"]), (403, &json!(["service account no longer exists"])));
    assert_eq!(stage.check(HOME, &at_home).await, "client_token");
    for (mount, token) in [(ELSEWHERE, &elsewhere), (HOME, &of_other)] {
        let (status, answer) = stage.vault("auth/token/renew-self", token, json!({})).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(stage.check(mount, token).await, "allowed");
    }
}
