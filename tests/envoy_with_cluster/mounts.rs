//! Several mounts, each with its own cluster, and a reviewer whose token is in a file.

use serde_json::json;

use super::{
    stage::{Plan, role},
    support::{eventually, kube::KubeApiserver, upstream::Seen},
};

#[tokio::test]
async fn a_cluster_vouches_for_its_own_tokens_alone() {
    let (home, abroad) = (KubeApiserver::shared().await, KubeApiserver::start().await);
    let mut plan = Plan::new(home).await;
    // The same names in both clusters, and the same issuer.
    abroad.namespace_named(&plan.namespace, &[]).await;
    let uid_abroad = abroad.service_account(&plan.namespace, "orders").await;
    let config = json!({
        "kubernetes_host": abroad.url(),
        "kubernetes_ca_cert": abroad.ca_pem(),
        "token_reviewer_jwt": abroad.reviewer(&plan.namespace).await,
    });
    let roles = json!({ "orders": role("orders", &plan.namespace) });
    plan.store["mounts"]["clusters/eu1"] = json!({ "config": config, "roles": roles });
    plan.server["envoy"]["routes"] = json!([
        { "path_prefix": "/home", "role": "orders" },
        { "path_prefix": "/abroad", "mount": "clusters/eu1", "role": "orders" },
    ]);
    let stage = plan.start().await;
    let from_home = stage.plan.token().await;
    let from_abroad = abroad.token(&stage.plan.namespace, "orders", &[], 3600).await;

    for (path, token, mount, uid) in [
        ("/home", &from_home, "kubernetes", &stage.plan.uid),
        ("/abroad", &from_abroad, "clusters/eu1", &uid_abroad),
    ] {
        let seen = Seen::of(&stage.get(path, token).await);
        assert_eq!(seen.values("x-rolegate-mount"), [mount]);
        assert_eq!(seen.values("x-rolegate-uid"), [uid]);
    }
    // Both reviews are remembered by now, each for its own mount.
    for (path, token) in [("/home/foreign", &from_abroad), ("/abroad/foreign", &from_home)] {
        assert_eq!(stage.get(path, token).await.status, 401, "{path}");
        assert_eq!(stage.logged(path).await["reason"], "token_refused");
    }

    abroad.stop();
    let new = another_token(&from_abroad, &abroad);
    assert_eq!(stage.get("/abroad/new", &new).await.status, 503);
    let home_again = home.token(&stage.plan.namespace, "orders", &[], 7200).await;
    Seen::of(&stage.get("/home", &home_again).await);
}

/// Another good token of the same account, made without its API server.
fn another_token(token: &str, api: &KubeApiserver) -> String {
    api.signer.resign(token, |claims| {
        let issued = claims["iat"].as_i64().unwrap();
        claims.insert("iat".to_owned(), json!(issued - 1));
    })
}

#[tokio::test]
async fn a_reviewers_token_in_a_file_is_read_again_when_it_changes() {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    let file = plan.certificates.path().join("reviewer.jwt");
    std::fs::write(&file, plan.api.token_of_user("nobody")).unwrap();
    let config = plan.config().as_object_mut().unwrap();
    let good = config.remove("token_reviewer_jwt").unwrap();
    config.insert("token_reviewer_jwt_file".to_owned(), json!(file));
    let stage = plan.start().await;
    let token = stage.plan.token().await;
    assert_eq!(stage.get("/orders", &token).await.status, 503);

    std::fs::write(&file, good.as_str().unwrap()).unwrap();

    eventually("the new reviewer is at work", async || {
        let answer = stage.get("/orders", &token).await;
        assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
}
