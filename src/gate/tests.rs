//! Tests of the gate: which roles and ports it asks, and what it makes of their answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::testing::{Says, Scripted, ask, confirmed, empty_gate, gate, mount, orders, role};
use super::{MAX_ROLES, Outcome};
use crate::core::identity::Review;
use crate::core::reason::{Deny, Undecided};
use crate::core::role::{LabelSelector, Role};
use crate::core::token::UnverifiedToken;
use crate::ports::{Freshness, Labels};

/// `allow NAME`, or the outcome's name and reason.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Allow(grant) => format!("allow {}", grant.role().name),
        other => format!("{} {}", other.name(), other.reason()),
    }
}

fn for_audience(audience: &str) -> Role {
    Role { audience: audience.to_owned(), ..role(audience) }
}

fn for_names(name: &str, bound: &str) -> Role {
    Role { bound_service_account_names: vec![bound.to_owned()], ..role(name) }
}

fn by_labels() -> Role {
    Role {
        bound_service_account_namespaces: vec!["elsewhere".to_owned()],
        bound_service_account_namespace_selector: Some(LabelSelector {
            text: r#"{"matchLabels":{"team":"shop"}}"#.to_owned(),
            match_labels: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
        }),
        ..role("labelled")
    }
}

#[tokio::test]
async fn nothing_is_decided_before_the_first_snapshot() {
    let decision = ask(&empty_gate(Scripted::default()), "kubernetes", &["orders"], |_| {}).await;
    assert_eq!(told(&decision.outcome), "undecided not_loaded");
    assert_eq!(decision.mount, None);
}

#[tokio::test]
async fn mounts_are_found_without_the_slashes_at_their_ends_and_told_by_their_own_path() {
    let gate = gate(mount("clusters/eu1", [role("orders")], &[]), Scripted::default());
    for (asked, expected, known) in [
        ("clusters/eu1", "allow orders", Some("clusters/eu1")),
        ("/clusters/eu1/", "allow orders", Some("clusters/eu1")),
        ("clusters", "deny unknown_mount", None),
        ("Clusters/eu1", "deny unknown_mount", None),
        ("", "deny unknown_mount", None),
    ] {
        let decision = ask(&gate, asked, &["orders"], |_| {}).await;
        assert_eq!(told(&decision.outcome), expected, "{asked}");
        assert_eq!(decision.mount.as_deref(), known, "{asked}");
    }
}

#[tokio::test]
async fn the_first_role_that_allows_wins_else_the_undecided_one_else_the_first_denial() {
    let roles = [
        role("good"),
        role("also-good"),
        for_names("wrong", "billing"),
        for_audience("a"),
        Role { bound_service_account_namespaces: vec!["bank".to_owned()], ..role("elsewhere") },
    ];
    let verifier = Scripted {
        reviews: HashMap::from([("a", Says::Undecided(Undecided::ApiServerUnreachable))]),
        ..Scripted::default()
    };
    let gate = gate(mount("kubernetes", roles, &[]), verifier);
    for (asked, expected) in [
        ("good", "allow good"),
        ("GOOD", "allow good"),
        ("good also-good", "allow good"),
        ("also-good good", "allow also-good"),
        ("wrong none a good", "allow good"),
        ("wrong a", "undecided api_server_unreachable"),
        ("a wrong", "undecided api_server_unreachable"),
        ("wrong elsewhere", "deny service_account_name"),
        ("elsewhere wrong", "deny namespace"),
        ("none wrong", "deny unknown_role"),
        ("", "deny unknown_role"),
    ] {
        let asked: Vec<&str> = asked.split(' ').collect();
        let decision = ask(&gate, "kubernetes", &asked, |_| {}).await;
        assert_eq!(told(&decision.outcome), expected, "{asked:?}");
    }
    let decision = ask(&gate, "kubernetes", &[], |_| {}).await;
    assert_eq!(told(&decision.outcome), "deny no_role");
}

#[tokio::test]
async fn no_more_roles_are_looked_at_than_one_request_may_name() {
    let gate = gate(mount("kubernetes", [role("good")], &[]), Scripted::default());
    let mut asked = ["none"; MAX_ROLES + 1];
    asked[MAX_ROLES - 1] = "good";
    assert_eq!(told(&ask(&gate, "kubernetes", &asked, |_| {}).await.outcome), "allow good");
    asked[MAX_ROLES - 1] = "none";
    asked[MAX_ROLES] = "good";
    assert_eq!(told(&ask(&gate, "kubernetes", &asked, |_| {}).await.outcome), "deny unknown_role");
}

#[tokio::test]
async fn a_remembered_review_will_do_only_where_none_that_is_fresh_is_asked_for() {
    let other = confirmed("shop", "billing");
    let verifier = Scripted { remembered: Some(other), ..Scripted::default() };
    let asked = Arc::clone(&verifier.asked);
    let gate = gate(mount("kubernetes", [role("orders")], &["a key"]), verifier);

    let decision = ask(&gate, "kubernetes", &["orders"], |_| {}).await;
    assert_eq!(told(&decision.outcome), "deny identity_mismatch");
    assert_eq!(*asked.lock().unwrap(), [""; 0]);

    let decision = ask(&gate, "kubernetes", &["orders"], |ask| ask.freshness = Freshness::Fresh).await;
    assert_eq!(told(&decision.outcome), "allow orders");
    assert_eq!(*asked.lock().unwrap(), ["signature", "review for a,b"]);
}

#[tokio::test]
async fn a_token_that_no_key_signed_costs_no_review() {
    let verifier = Scripted { signed: false, ..Scripted::default() };
    let asked = Arc::clone(&verifier.asked);
    let gate = gate(mount("kubernetes", [role("orders")], &["a key"]), verifier);
    let decision = ask(&gate, "kubernetes", &["orders"], |_| {}).await;
    assert_eq!(told(&decision.outcome), "deny signature");
    assert_eq!(*asked.lock().unwrap(), ["signature"]);
}

#[tokio::test]
async fn a_token_that_could_not_be_read_keeps_its_reason_and_costs_no_review() {
    let verifier = Scripted::default();
    let asked = Arc::clone(&verifier.asked);
    let gate = gate(mount("kubernetes", [role("orders")], &[]), verifier);
    static UNREAD: [Result<UnverifiedToken<'_>, Deny>; 3] =
        [Err(Deny::NoToken), Err(Deny::AmbiguousToken), Err(Deny::MalformedToken)];
    for (unread, expected) in UNREAD.iter().zip(["no_token", "ambiguous_token", "malformed_token"]) {
        let decision = ask(&gate, "kubernetes", &["orders"], |ask| ask.token = unread).await;
        assert_eq!(told(&decision.outcome), format!("deny {expected}"));
    }
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_review_asks_for_the_roles_audience_else_the_default_else_the_tokens_own() {
    for (role, default, expected) in [
        (for_audience("b"), Some("a"), "review for b"),
        (role("orders"), Some("a"), "review for a"),
        (role("orders"), None, "review for a,b"),
    ] {
        let (name, verifier) = (role.name.clone(), Scripted::default());
        let asked = Arc::clone(&verifier.asked);
        let gate = gate(mount("kubernetes", [role], &[]), verifier);
        ask(&gate, "kubernetes", &[&name], |ask| ask.default_audience = default).await;
        assert_eq!(*asked.lock().unwrap(), [expected]);
    }
}

#[tokio::test]
async fn roles_that_ask_for_the_same_audiences_wait_for_one_review_even_in_vain() {
    for answer in [
        Says::Undecided(Undecided::Overloaded),
        Says::This(Arc::new(Review::Refused(Deny::TokenRefused))),
        Says::This(confirmed("shop", "billing")),
    ] {
        let verifier = Scripted { otherwise: answer, ..Scripted::default() };
        let asked = Arc::clone(&verifier.asked);
        let roles = [role("one"), role("two"), for_audience("a")];
        let gate = gate(mount("kubernetes", roles, &[]), verifier);
        ask(&gate, "kubernetes", &["one", "two", "a"], |_| {}).await;
        assert_eq!(*asked.lock().unwrap(), ["review for a,b", "review for a"]);
    }
}

#[tokio::test]
async fn labels_are_asked_for_the_reviewed_namespace_where_no_pattern_admits_it() {
    let known = |team: &str| {
        Says::This(Labels::Known(Arc::new(BTreeMap::from([("team".to_owned(), team.to_owned())]))))
    };
    for (labels, expected) in [
        (known("shop"), "allow labelled"),
        (known("bank"), "deny namespace"),
        (Says::This(Labels::Unknown), "deny namespace"),
        (Says::Undecided(Undecided::ApiServerError), "undecided api_server_error"),
    ] {
        let verifier = Scripted { labels, ..Scripted::default() };
        let asked = Arc::clone(&verifier.asked);
        let gate = gate(mount("kubernetes", [by_labels()], &[]), verifier);
        let decision = ask(&gate, "kubernetes", &["labelled"], |_| {}).await;
        assert_eq!(told(&decision.outcome), expected);
        assert_eq!(*asked.lock().unwrap(), ["review for a,b", "labels of shop"]);
    }
    let verifier = Scripted::default();
    let asked = Arc::clone(&verifier.asked);
    let admitted = Role { bound_service_account_namespaces: vec!["sh*".to_owned()], ..by_labels() };
    let gate = gate(mount("kubernetes", [admitted], &[]), verifier);
    assert_eq!(told(&ask(&gate, "kubernetes", &["labelled"], |_| {}).await.outcome), "allow labelled");
    assert_eq!(*asked.lock().unwrap(), ["review for a,b"]);
}

#[tokio::test]
async fn ports_that_never_answer_are_given_up_at_the_deadline() {
    let review = Scripted { otherwise: Says::Nothing, ..Scripted::default() };
    let labels = Scripted { otherwise: Says::This(orders()), labels: Says::Nothing, ..Scripted::default() };
    for (role, verifier) in [(role("orders"), review), (by_labels(), labels)] {
        let name = role.name.clone();
        let gate = gate(mount("kubernetes", [role], &[]), verifier);
        let decision = ask(&gate, "kubernetes", &[&name], |ask| ask.deadline = Some(Instant::now())).await;
        assert_eq!(told(&decision.outcome), "undecided deadline", "{name}");
        assert_eq!(decision.mount.as_deref(), Some("kubernetes"));
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_does_not_refuse_what_is_known_already() {
    let verifier = Scripted { remembered: Some(orders()), otherwise: Says::Nothing, ..Scripted::default() };
    let gate = gate(mount("kubernetes", [role("orders")], &[]), verifier);
    let decision = ask(&gate, "kubernetes", &["orders"], |ask| ask.deadline = Some(Instant::now())).await;
    assert_eq!(told(&decision.outcome), "allow orders");
}
