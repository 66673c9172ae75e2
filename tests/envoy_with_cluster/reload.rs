//! Roles that change while requests run.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;

use super::{
    stage::{Plan, Stage, role},
    support::{eventually, http::Answer, kube::KubeApiserver, upstream::Seen},
};

const CHANGES: usize = 20;

/// The two whole sets: in each the caller holds one of the two roles of `/reports` and not the other. Of a mixture it
/// would hold none or see the other's policy.
fn write(stage: &mut Stage<'_>, first: bool) {
    let namespace = stage.plan.namespace.clone();
    let accounts = if first { ["nobody", "orders"] } else { ["orders", "nobody"] };
    for (name, account) in ["orders", "billing"].into_iter().zip(accounts) {
        let role = role(account, &namespace);
        stage.plan.roles()[name] = role;
        stage.plan.roles()[name]["token_policies"] = json!([if first { "first" } else { "second" }]);
    }
}

/// Role and policies as the upstream saw them.
fn told(answer: &Answer) -> [String; 2] {
    let seen = Seen::of(answer);
    ["x-rolegate-role", "x-rolegate-policies"].map(|name| seen.values(name).concat())
}

#[tokio::test]
async fn no_request_is_answered_by_half_a_set() {
    let mut plan = Plan::new(KubeApiserver::shared().await).await;
    let billing = role("billing", &plan.namespace);
    plan.roles()["billing"] = billing;
    let mut stage = plan.start().await;
    let wholes = [["orders", "default,second"], ["billing", "default,first"]];
    let bearer = format!("Bearer {}", stage.plan.token().await);
    let file = stage.plan.certificates.path().join("store.yaml");
    let reported = async |stage: &Stage<'_>, whole: [&str; 2]| {
        eventually("the new set is in force", async || {
            let answer = stage.http1().get("/reports", &[("authorization", &bearer)]).await;
            (answer.status == 200 && told(&answer) == whole).then_some(())
        })
        .await;
    };
    write(&mut stage, false);
    stage.plan.write_store();
    reported(&stage, wholes[0]).await;

    let stop = Arc::<AtomicBool>::default();
    let mut load = tokio::task::JoinSet::new();
    for client in [stage.http1(), stage.http2(), stage.http2()] {
        let (stop, bearer) = (stop.clone(), bearer.clone());
        load.spawn(async move {
            let mut seen = [0; 2];
            while !stop.load(Ordering::SeqCst) {
                let answer = client.get("/reports", &[("authorization", &bearer)]).await;
                let told = told(&answer);
                let which = wholes.iter().position(|whole| told == *whole);
                seen[which.unwrap_or_else(|| panic!("half a set: {told:?}"))] += 1;
            }
            seen
        });
    }
    for number in 1..=CHANGES {
        write(&mut stage, number % 2 == 1);
        // As a whole by renaming, or over the old text, which a reader may catch half written.
        if number % 4 < 2 {
            stage.plan.write_store();
        } else {
            std::fs::write(&file, stage.plan.store.to_string()).unwrap();
        }
        reported(&stage, wholes[number % 2]).await;
    }
    stop.store(true, Ordering::SeqCst);
    for seen in load.join_all().await {
        assert!(seen.iter().all(|times| *times > 0), "the load saw both sets: {seen:?}");
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_ends_what_it_allowed_although_the_review_is_remembered() {
    let mut stage = Plan::new(KubeApiserver::shared().await).await.start().await;
    let token = stage.plan.token().await;
    Seen::of(&stage.get("/orders", &token).await);

    let namespace = stage.plan.namespace.clone();
    stage.plan.roles()["orders"] = role("nobody", &namespace);
    stage.plan.write_store();

    let refused = eventually("the change is in force", async || {
        let answer = stage.get("/orders", &token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(stage.rolegate.metric("rolegate_reviews_total", &[]).await, 1.0);
}
