//! The labels of namespaces, watched. The reviewers of the mounts may not read namespaces: where somebody is asked,
//! it shows as `reviewer_refused`.

use std::collections::BTreeSet;

use super::stage::{ELSEWHERE, HOME, Stage};
use super::support::eventually;
use super::support::kube::{ADMIN, KubeApiserver};
use super::way::Way;

/// Checks by label until the reason is this one; says all reasons.
async fn checks_with(stage: &Stage<'_>, token: &str, reason: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    eventually(format!("a check by label with `{reason}`"), async || {
        let said = stage.check_role(HOME, "teams", token).await;
        seen.insert(said.clone());
        (said == reason).then_some(())
    })
    .await;
    seen
}

fn reasons(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_change_of_labels_counts_without_a_question_while_namespaces_are_watched() {
    let api = KubeApiserver::shared().await;
    let stage = Stage::new(api).await;
    stage.watches_namespaces().await;
    let (orders, _) = stage.account("orders").await;
    let denied = stage.check_role(HOME, "teams", &orders).await;
    assert_eq!(denied, "namespace");
    assert_eq!(stage.check_role(ELSEWHERE, "teams", &orders).await, "reviewer_refused");
    for _ in 0..3 {
        api.label_namespace(&stage.namespace, "team", Some("shop")).await;
        let seen = checks_with(&stage, &orders, "allowed").await;
        assert!(seen.is_subset(&reasons(&["allowed", &denied])), "{seen:?}");
        api.label_namespace(&stage.namespace, "team", None).await;
        let seen = checks_with(&stage, &orders, &denied).await;
        assert!(seen.is_subset(&reasons(&["allowed", &denied])), "{seen:?}");
    }
}

#[tokio::test]
async fn labels_do_not_outlive_a_watch_that_is_silent_or_broken() {
    let api = KubeApiserver::shared().await;
    let way = Way::to(api.address()).await;
    let stage = Stage::as_user(api, &api.token_of_user(ADMIN), way.port).await;
    stage.watches_namespaces().await;
    let (orders, _) = stage.account("orders").await;
    api.label_namespace(&stage.namespace, "team", Some("shop")).await;
    checks_with(&stage, &orders, "allowed").await;
    for make in [Way::silence, Way::cut] {
        make(&way);
        // Nobody hears of it.
        api.label_namespace(&stage.namespace, "team", None).await;
        let seen = checks_with(&stage, &orders, "api_server_unreachable").await;
        assert!(seen.is_subset(&reasons(&["allowed", "api_server_unreachable"])), "{seen:?}");
        stage.rolegate.wait_for_log("the labels of namespaces are not watched but asked for").await;
        way.mend();
        let seen = checks_with(&stage, &orders, "namespace").await;
        assert!(!seen.contains("allowed"), "{seen:?}");
        api.label_namespace(&stage.namespace, "team", Some("shop")).await;
        checks_with(&stage, &orders, "allowed").await;
    }
}
