//! When the gate looks at the keys that API servers publish, and what it makes of what they say.

use std::sync::Arc;

use super::script::{House, Script, confirmed, role, set, with_audience, without_pem_keys};
use super::told;
use crate::core::decision::{Check, CheckName, Checks};
use crate::core::identity::Review;
use crate::core::jwks::LocalSignature;
use crate::core::reason::Deny;
use crate::ports::Freshness;

fn house(script: Script) -> House {
    let roles = [role("orders"), with_audience("down", "down")];
    House::new(Some(without_pem_keys(&set(1, roles))), script)
}

fn published(published: LocalSignature) -> Script {
    Script { published, ..Script::default() }
}

#[tokio::test]
async fn a_forged_signature_is_denied_at_the_envoy_door_without_a_review() {
    let house = house(published(LocalSignature::Forged));
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "signature");
    assert_eq!(house.calls(), ["remembered api", "published keys"]);
}

#[tokio::test]
async fn a_good_signature_alone_does_not_allow() {
    let refused = Err(crate::core::reason::Undecided::Overloaded);
    for (review, expected) in [
        (Ok(confirmed()), "allow orders"),
        (Ok(Arc::new(Review::Refused(Deny::TokenRefused))), "token_refused"),
        (refused, "overloaded"),
    ] {
        let house = house(Script { review, ..published(LocalSignature::Proven) });
        assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), expected);
        assert_eq!(house.calls(), ["remembered api", "published keys", "review api Cached Proven"]);
    }
}

#[tokio::test]
async fn a_signature_of_which_nothing_is_known_is_for_the_review_to_tell() {
    let house = house(published(LocalSignature::Unknown));
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "allow orders");
    assert_eq!(house.calls(), ["remembered api", "published keys", "review api Cached Unknown"]);
}

#[tokio::test]
async fn several_roles_share_one_look_and_a_remembered_review_needs_none() {
    let shared = house(published(LocalSignature::Proven));
    assert_eq!(told(&shared.ask(&["down", "orders"], Freshness::Cached).await), "allow orders");
    assert_eq!(shared.calls().iter().filter(|call| *call == "published keys").count(), 1);

    let script = Script { remembered: Some(confirmed()), ..published(LocalSignature::Forged) };
    let remembered = house(script);
    assert_eq!(told(&remembered.ask(&["orders"], Freshness::Cached).await), "allow orders");
    assert_eq!(remembered.calls(), ["remembered api"]);
}

#[tokio::test]
async fn a_login_is_never_denied_by_published_keys() {
    // They decide about its turn alone, where turns are taken.
    for (is_contended, calls) in
        [(false, &["review api Fresh Unknown"][..]), (true, &["published keys", "review api Fresh Forged"])]
    {
        let house = house(Script { is_contended, ..published(LocalSignature::Forged) });
        assert_eq!(told(&house.ask(&["orders"], Freshness::Fresh).await), "allow orders");
        assert_eq!(house.calls(), calls);
    }
}

#[tokio::test]
async fn a_mount_with_pem_keys_has_no_use_for_published_ones() {
    let house = House::new(Some(set(1, [role("orders")])), published(LocalSignature::Forged));
    assert_eq!(told(&house.ask(&["orders"], Freshness::Cached).await), "allow orders");
    assert_eq!(house.calls(), ["remembered api", "signed", "review api Cached Proven"]);
}

#[tokio::test]
async fn the_checks_list_what_the_keys_said_once() {
    for (said, passed) in [
        (LocalSignature::Forged, Some(false)),
        (LocalSignature::Proven, Some(true)),
        (LocalSignature::Unknown, None),
    ] {
        let mut checks = Checks::new();
        house(published(said)).ask_telling(&["orders"], Freshness::Cached, &mut checks).await;
        let signature = |check: &&Check| check.name == CheckName::Signature;
        let told: Vec<bool> = checks.iter().filter(signature).filter_map(|check| check.passed).collect();
        assert_eq!(told, Vec::from_iter(passed), "{checks:?}");
        let names: Vec<CheckName> = checks.iter().map(|check| check.name).collect();
        let mut once = names.clone();
        once.dedup();
        assert_eq!(names, once);
    }
}
