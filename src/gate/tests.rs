//! The gate over a scripted verifier: which facts it asks for, when, and what it makes of several roles.

mod published_keys;
mod readmit;
pub(crate) mod script;

use std::sync::Arc;

use futures_util::FutureExt as _;
use script::{House, Script, confirmed, role, set, token};

use super::{Decision, MAX_ROLES, Outcome};
use crate::core::decision::{CheckName, Checks};
use crate::core::identity::Review;
use crate::core::reason::{Deny, Undecided};
use crate::core::role::{LabelSelector, Role};
use crate::ports::{Freshness, Labels};

/// `allow <role>`, or the reason.
fn told(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Allow(grant) => format!("allow {}", grant.role().name),
        other => other.reason().to_owned(),
    }
}

#[tokio::test]
async fn before_the_first_load_nobody_can_tell() {
    let house = House::new(None, Script::default());
    let decision = house.ask(&["orders"], Freshness::Cached).await;
    assert_eq!((told(&decision).as_str(), decision.mount), ("not_loaded", None));
}

#[tokio::test]
async fn an_unknown_mount_and_an_unknown_role_are_denied_by_name() {
    let mut house = House::new(Some(set(1, [role("orders")])), Script::default());
    assert_eq!(told(&house.ask(&["nobody"], Freshness::Cached).await), "unknown_role");
    assert_eq!(told(&house.ask(&[], Freshness::Cached).await), "no_role");
    house.mount = "elsewhere";
    let decision = house.ask(&["orders"], Freshness::Cached).await;
    assert_eq!((told(&decision).as_str(), decision.mount), ("unknown_mount", None));
    assert_eq!(house.calls(), [""; 0], "nothing was asked of the verifier");
}

#[tokio::test]
async fn a_role_is_found_in_any_case_and_a_mount_with_slashes() {
    let mut house = House::new(Some(set(1, [role("orders")])), Script::default());
    house.mount = "/kubernetes/";
    let decision = house.ask(&["ORDERS"], Freshness::Cached).await;
    assert_eq!((told(&decision).as_str(), decision.mount.as_deref()), ("allow orders", Some("kubernetes")));
}

#[tokio::test]
async fn of_several_roles_the_first_that_allows_wins() {
    let closed = script::closed("closed");
    let down = script::with_audience("down", "down");
    let house = House::new(Some(set(1, [closed, down, role("a"), role("b")])), Script::default());
    for (roles, expected) in [
        (&["a", "b"][..], "allow a"),
        (&["b", "a"], "allow b"),
        (&["closed", "nobody", "b"], "allow b"),
        (&["down", "a"], "allow a"),
        (&["closed", "down"], "api_server_unreachable"),
        (&["down", "closed"], "api_server_unreachable"),
        (&["closed", "nobody"], "service_account_name"),
        (&["nobody", "closed"], "unknown_role"),
    ] {
        assert_eq!(told(&house.ask(roles, Freshness::Cached).await), expected, "{roles:?}");
    }
}

#[tokio::test]
async fn no_role_beyond_the_eighth_is_looked_at() {
    let house = House::new(Some(set(1, [role("orders")])), Script::default());
    let mut roles = vec!["nobody"; MAX_ROLES];
    roles[MAX_ROLES - 1] = "orders";
    assert_eq!(told(&house.ask(&roles, Freshness::Cached).await), "allow orders");
    roles.insert(0, "nobody");
    assert_eq!(told(&house.ask(&roles, Freshness::Cached).await), "unknown_role");
}

#[tokio::test]
async fn without_a_remembered_review_the_signature_comes_first() {
    let house = House::new(Some(set(1, [role("orders")])), Script::default());
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "allow orders");
    assert_eq!(house.calls(), ["remembered api", "signed", "review api Cached Proven"]);

    let forged = Script { signed: false, ..Script::default() };
    let house = House::new(Some(set(1, [role("orders")])), forged);
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "signature");
    assert_eq!(house.calls(), ["remembered api", "signed"]);
}

#[tokio::test]
async fn a_remembered_review_needs_no_second_signature_check_and_no_wait() {
    let script = Script { remembered: Some(confirmed()), held: true, ..Script::default() };
    let house = House::new(Some(set(1, [role("orders")])), script);
    let decision = house.ask(&["orders"], Freshness::Cached).now_or_never().expect("no wait");
    assert_eq!(told(&decision), "allow orders");
    assert_eq!(house.calls(), ["remembered api"]);

    let refused = Some(Arc::new(Review::Refused(Deny::TokenRefused)));
    let script = Script { remembered: refused, held: true, ..Script::default() };
    let house = House::new(Some(set(1, [role("orders")])), script);
    let decision = house.ask(&["orders"], Freshness::Cached).now_or_never().expect("no wait");
    assert_eq!(told(&decision), "token_refused");
}

#[tokio::test]
async fn a_login_is_never_answered_from_memory() {
    let script = Script { remembered: Some(confirmed()), ..Script::default() };
    let house = House::new(Some(set(1, [role("orders")])), script);
    assert_eq!(told(&house.ask(&["orders"], Freshness::Fresh).await), "allow orders");
    assert_eq!(house.calls(), ["signed", "review api Fresh Proven"]);
}

#[tokio::test]
async fn a_token_that_was_not_read_costs_nothing() {
    let mut house = House::new(Some(set(1, [role("orders")])), Script::default());
    house.token = "abc".to_owned();
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "malformed_token");
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn the_review_is_asked_for_the_demanded_audience_or_else_for_the_tokens_own() {
    let any = script::with_audience("any", "");
    let mut house = House::new(Some(set(1, [role("orders"), any])), Script::default());
    house.token = token(&["b", "api", "b"]);
    house.ask(&["orders", "any"], Freshness::Fresh).await;
    house.ask(&["any"], Freshness::Fresh).await;
    house.default_audience = Some("b");
    house.ask(&["any"], Freshness::Fresh).await;
    let reviews: Vec<String> = house.calls().into_iter().filter(|call| call.starts_with("review")).collect();
    assert_eq!(reviews, ["review api Fresh Proven", "review api,b Fresh Proven", "review b Fresh Proven"]);
}

#[tokio::test]
async fn what_was_asked_for_one_role_is_not_asked_again_for_the_next() {
    let down = ["a", "b", "c"].map(|name| script::with_audience(name, "down"));
    let house = House::new(Some(set(1, down)), Script::default());
    assert_eq!(told(&house.ask(&["a", "b", "c"], Freshness::Fresh).await), "api_server_unreachable");
    assert_eq!(house.calls(), ["signed", "review down Fresh Proven"]);
}

#[tokio::test]
async fn labels_are_asked_only_of_the_reviewed_namespace_and_only_where_no_glob_fits() {
    let selector = |value: &str| {
        let match_labels = [("team".to_owned(), value.to_owned())].into();
        Some(LabelSelector { match_labels, ..LabelSelector::default() })
    };
    let mut listed = role("listed");
    listed.bound_service_account_namespace_selector = selector("other");
    let mut labelled = role("labelled");
    labelled.bound_service_account_namespaces = vec!["elsewhere".to_owned()];
    labelled.bound_service_account_namespace_selector = selector("a");
    let mut otherwise = labelled.clone();
    otherwise.name = "otherwise".to_owned();
    otherwise.bound_service_account_namespace_selector = selector("b");
    let set = set(1, [listed, labelled, otherwise]);

    let house = House::new(Some(Arc::clone(&set)), Script::default());
    assert_eq!(told(&house.ask(&["listed"], Freshness::Cached).await), "allow listed");
    assert!(!house.calls().iter().any(|call| call.starts_with("labels")), "{:?}", house.calls());

    let house = House::new(Some(Arc::clone(&set)), Script::default());
    assert_eq!(told(&house.ask(&["labelled"], Freshness::Cached).await), "allow labelled");
    assert_eq!(house.calls().last().unwrap(), "labels shop of set 1 Cached");
    assert_eq!(told(&house.ask(&["otherwise"], Freshness::Cached).await), "namespace");

    for (labels, expected) in [(Ok(Labels::Unknown), "namespace"), (Err(Undecided::Overloaded), "overloaded")]
    {
        let house = House::new(Some(Arc::clone(&set)), Script { labels, ..Script::default() });
        assert_eq!(told(&house.ask(&["labelled"], Freshness::Cached).await), expected);
    }

    let refused = Ok(Arc::new(Review::Refused(Deny::TokenRefused)));
    let house = House::new(Some(set), Script { review: refused, ..Script::default() });
    assert_eq!(told(&house.ask(&["labelled"], Freshness::Cached).await), "token_refused");
    assert!(!house.calls().iter().any(|call| call.starts_with("labels")), "{:?}", house.calls());
}

#[tokio::test]
async fn several_roles_with_selectors_ask_for_the_labels_once() {
    let roles = ["a", "b", "c"].map(|name| {
        let match_labels = [("team".to_owned(), name.repeat(2))].into();
        let selector = LabelSelector { match_labels, ..LabelSelector::default() };
        Role {
            bound_service_account_namespaces: Vec::new(),
            bound_service_account_namespace_selector: Some(selector),
            ..role(name)
        }
    });
    for (labels, expected) in
        [(Script::default().labels, "namespace"), (Err(Undecided::Deadline), "deadline")]
    {
        let house = House::new(Some(set(1, roles.clone())), Script { labels, ..Script::default() });
        assert_eq!(told(&house.ask(&["a", "b", "c"], Freshness::Fresh).await), expected);
        let calls = house.calls();
        assert_eq!(calls.iter().filter(|call| *call == "labels shop of set 1 Fresh").count(), 1, "{calls:?}");
    }
}

#[tokio::test]
async fn a_swap_during_a_waiting_review_does_not_mix_two_sets() {
    let mut labelled = role("labelled");
    labelled.bound_service_account_namespaces.clear();
    labelled.bound_service_account_namespace_selector = Some(LabelSelector::default());
    // Before: the first role waits for its review, the second admits nobody. After: both admit whomever.
    let before = set(1, [labelled.clone(), script::closed("second")]);
    let after = set(2, [role("labelled"), role("second")]);
    let script = Script { held: true, labels: Ok(Labels::Unknown), ..Script::default() };
    let house = House::new(Some(before), script);
    let swap = async {
        house.waiting.notified().await;
        house.snapshot.store(Some(after));
        house.go_on.notify_one();
    };
    let (decision, ()) = tokio::join!(house.ask(&["labelled", "second"], Freshness::Cached), swap);
    assert_eq!(told(&decision), "namespace");
    assert!(house.calls().contains(&"labels shop of set 1 Cached".to_owned()), "{:?}", house.calls());

    house.go_on.notify_one();
    assert_eq!(told(&house.ask(&["labelled", "second"], Freshness::Cached).await), "allow labelled");
}

#[tokio::test]
async fn a_grant_names_the_mount_the_role_and_the_reviewed_account() {
    let house = House::new(Some(set(7, [role("orders")])), Script::default());
    let Outcome::Allow(grant) = house.ask(&["orders"], Freshness::Cached).await.outcome else {
        panic!("not allowed")
    };
    let identity = grant.identity().unwrap();
    assert_eq!((identity.namespace(), identity.name(), identity.uid()), ("shop", "orders", "u-1"));
    assert_eq!((&*grant.mount().path, grant.mount().generation), ("kubernetes", 7));
}

#[tokio::test]
async fn each_check_is_observed_once_although_facts_came_one_by_one() {
    use CheckName::*;
    let house = House::new(Some(set(1, [role("orders")])), Script::default());
    let mut checks = Checks::new();
    house.ask_telling(&["orders"], Freshness::Fresh, &mut checks).await;
    let names: Vec<CheckName> = checks.iter().map(|check| check.name).collect();
    let expected = [
        PeerAddress,
        Configuration,
        Token,
        Algorithm,
        Signature,
        Issuer,
        Audience,
        Times,
        Claims,
        ServiceAccountName,
        Namespace,
        Claims,
        Review,
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_decision_has_the_failed_check_of_the_role_that_it_reports() {
    let failed = |decision: &Decision| {
        let failure = decision.failure.as_deref()?;
        let account = failure.account.as_ref()?;
        Some((failure.role.clone()?, failure.check.name, account.text.clone(), account.verified))
    };
    let of = |role: &str, check, verified| Some((role.to_owned(), check, "shop/orders".to_owned(), verified));
    let wants = script::with_audience("wants", "another");
    let roles = [role("orders"), script::closed("closed"), script::with_audience("down", "down"), wants];
    let house = House::new(Some(set(1, roles)), Script::default());
    for (roles, outcome, expected) in [
        (
            &["closed", "wants"][..],
            "service_account_name",
            of("closed", CheckName::ServiceAccountName, false),
        ),
        (&["wants", "closed"], "audience", of("wants", CheckName::Audience, false)),
        (&["closed", "down"], "api_server_unreachable", of("down", CheckName::Review, false)),
        (&["unknown", "closed"], "unknown_role", None),
        (&["closed", "orders"], "allow orders", None),
    ] {
        let decision = house.ask(roles, Freshness::Fresh).await;
        assert_eq!((told(&decision).as_str(), failed(&decision)), (outcome, expected), "{roles:?}");
    }

    let remembered = Script { remembered: Some(confirmed()), ..Script::default() };
    let house = House::new(Some(set(1, [script::closed("closed")])), remembered);
    let decision = house.ask(&["closed"], Freshness::Cached).await;
    assert_eq!(failed(&decision), of("closed", CheckName::ServiceAccountName, true), "a review confirms it");
}
