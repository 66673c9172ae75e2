//! Tests of `decide`: every denial and its rank among the others, what is asked for, and the checks that are observed.

mod cases;
mod fixture;
mod properties;
mod shown;

use fixture::{Answer, Fixture, NOW};
use serde_json::json;

use super::super::reason::{Deny, Undecided};
use super::super::role::{AliasNameSource, LabelSelector};
use super::{CheckName, Needs};
use crate::core::cidr::BoundCidr;
use crate::core::jwks::LocalSignature;

type Change = fn(&mut Fixture);

/// One change for every way to a denial, in the order of precedence.
const DENIALS: [(&str, Deny, CheckName, Change); 32] = [
    ("the peer is elsewhere", Deny::PeerAddress, CheckName::PeerAddress, |f| {
        f.role.token.bound_cidrs = vec![BoundCidr::parse("192.0.2.0/24").unwrap()];
    }),
    ("the peer is not known", Deny::PeerAddress, CheckName::PeerAddress, |f| {
        f.role.token.bound_cidrs = vec![BoundCidr::parse("0.0.0.0/0").unwrap()];
        f.peer = None;
    }),
    ("no configuration", Deny::NotConfigured, CheckName::Configuration, |f| f.config = None),
    ("no token was found", Deny::NoToken, CheckName::Token, |f| f.unread = Some(Deny::NoToken)),
    ("more than one token", Deny::AmbiguousToken, CheckName::Token, |f| {
        f.unread = Some(Deny::AmbiguousToken);
    }),
    ("no token at all", Deny::MalformedToken, CheckName::Token, |f| f.text = Some("abc".to_owned())),
    ("a blank and no key", Deny::MalformedToken, CheckName::Token, |f| {
        f.without_keys();
        f.signature = "c2 ln";
    }),
    ("an algorithm without keys", Deny::Algorithm, CheckName::Algorithm, |f| {
        f.header["alg"] = json!("HS256")
    }),
    ("no signature and no key", Deny::NotSigned, CheckName::Algorithm, |f| {
        f.without_keys();
        f.signature = "";
    }),
    ("no signature where there are keys", Deny::Signature, CheckName::Signature, |f| f.signature = ""),
    ("an extension that cannot be honoured", Deny::Signature, CheckName::Signature, |f| {
        f.header["crit"] = json!(["exp"]);
    }),
    ("signed by another key", Deny::Signature, CheckName::Signature, |f| f.signed = Some(false)),
    ("another issuer", Deny::Issuer, CheckName::Issuer, |f| f.payload["iss"] = json!("another")),
    ("another audience", Deny::Audience, CheckName::Audience, |f| f.payload["aud"] = json!(["another"])),
    ("another audience than the default", Deny::Audience, CheckName::Audience, |f| {
        f.role.audience.clear();
        f.default_audience = Some("default".to_owned());
    }),
    ("not yet valid", Deny::NotYetValid, CheckName::Times, |f| f.payload["nbf"] = json!(NOW + 61)),
    ("expired", Deny::Expired, CheckName::Times, |f| f.payload["exp"] = json!(NOW - 61)),
    ("issued in the future", Deny::IssuedInTheFuture, CheckName::Times, |f| {
        f.payload["iat"] = json!(NOW + 61)
    }),
    ("a key in another case", Deny::Claims, CheckName::Claims, |f| f.payload["ISS"] = json!("issuer")),
    ("another name", Deny::ServiceAccountName, CheckName::ServiceAccountName, |f| {
        f.role.bound_service_account_names = vec!["another".to_owned()];
    }),
    ("no name is bound", Deny::ServiceAccountName, CheckName::ServiceAccountName, |f| {
        f.role.bound_service_account_names.clear();
    }),
    ("another namespace", Deny::Namespace, CheckName::Namespace, |f| {
        f.role.bound_service_account_namespaces = vec!["another".to_owned()];
    }),
    ("no uid for the alias", Deny::ClaimsWithoutUid, CheckName::Claims, |f| {
        f.role.alias_name_source = AliasNameSource::Uid;
        f.payload["kubernetes.io"]["serviceaccount"]["uid"] = json!("");
    }),
    ("no namespace for the alias", Deny::ClaimsWithoutName, CheckName::Claims, |f| {
        f.role.alias_name_source = AliasNameSource::Name;
        f.role.bound_service_account_namespaces = vec!["*".to_owned()];
        f.payload["kubernetes.io"]["namespace"] = json!("");
    }),
    ("not authenticated", Deny::TokenRefused, CheckName::Review, |f| f.reviewed(|s| s.authenticated = false)),
    ("an audience that is not confirmed", Deny::AudienceNotConfirmed, CheckName::Review, |f| {
        f.reviewed(|s| s.audiences.clear());
    }),
    ("not a service account", Deny::IdentityMismatch, CheckName::Review, |f| {
        f.reviewed(|s| s.username = "system:node:n1".to_owned());
    }),
    ("another name in the review", Deny::IdentityMismatch, CheckName::Review, |f| {
        f.reviewed(|s| s.username = "system:serviceaccount:shop:another".to_owned());
    }),
    ("another namespace in the review", Deny::IdentityMismatch, CheckName::Review, |f| {
        f.reviewed(|s| s.username = "system:serviceaccount:another:orders".to_owned());
    }),
    ("another uid in the review", Deny::IdentityMismatch, CheckName::Review, |f| {
        f.reviewed(|s| s.uid = "another".to_owned());
    }),
    ("no uid in the token and none in the review", Deny::IdentityMismatch, CheckName::Review, |f| {
        f.role.alias_name_source = AliasNameSource::Name;
        f.payload["kubernetes.io"]["serviceaccount"]["uid"] = json!("");
        f.reviewed(|s| s.uid.clear());
    }),
    ("labels that are not selected", Deny::Namespace, CheckName::NamespaceLabels, |f| {
        f.by_labels();
        f.selected = Some(Ok(false));
    }),
];

#[test]
fn a_case_without_a_fault_is_allowed() {
    let (answer, checks) = Fixture::default().decide();
    assert_eq!(answer, Answer::Allow("shop/orders (u-1)".to_owned()));
    assert!(checks.iter().all(|check| check.passed == Some(true)), "{checks:?}");
}

#[test]
fn each_single_fault_is_denied_with_its_own_reason_and_ends_the_checks() {
    for (fault, deny, check, change) in DENIALS {
        let mut fixture = Fixture::default();
        change(&mut fixture);
        let (answer, checks) = fixture.decide();
        assert_eq!(answer, Answer::Deny(deny), "{fault}");
        let (last, before) = checks.split_last().unwrap();
        assert_eq!((last.name, last.passed), (check, Some(false)), "{fault}");
        assert!(before.iter().all(|check| check.passed == Some(true)), "{fault}: {before:?}");
    }
}

#[test]
fn of_two_faults_the_earlier_one_is_told() {
    for (at, (earlier, deny, _, first)) in DENIALS.iter().enumerate() {
        for (later, _, _, second) in DENIALS.iter().skip(at + 1) {
            let mut fixture = Fixture::default();
            second(&mut fixture);
            first(&mut fixture);
            assert_eq!(fixture.decide().0, Answer::Deny(*deny), "{earlier}, and {later}");
        }
    }
}

#[test]
fn every_denial_that_is_not_made_outside_is_made_here() {
    let outside = [
        Deny::NoRole,
        Deny::UnknownMount,
        Deny::UnknownRole,
        Deny::AmbiguousPath,
        Deny::ClientToken,
        Deny::AccountGone,
        Deny::TooLarge,
        Deny::TooManyRoles,
    ];
    for deny in Deny::ALL {
        let here = DENIALS.iter().any(|(_, made, _, _)| *made == deny);
        assert!(here != outside.contains(&deny), "{deny:?}");
    }
}

#[test]
fn all_checks_are_observed_in_their_order() {
    use CheckName::*;
    let mut fixture = Fixture::default();
    fixture.by_labels();
    let names: Vec<CheckName> = fixture.decide().1.iter().map(|check| check.name).collect();
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
        NamespaceLabels,
    ];
    assert_eq!(names, expected);
}

#[test]
fn what_is_missing_is_asked_for_one_fact_after_the_other() {
    let mut fixture = Fixture { signed: None, status: None, selected: None, ..Fixture::default() };
    fixture.by_labels();
    fixture.selected = None;
    assert_eq!(fixture.decide().0, Answer::needs(Needs::Signature));
    fixture.signed = Some(true);
    assert_eq!(fixture.decide().0, Answer::needs(Needs::Review));
    fixture.status = Fixture::default().status;
    assert_eq!(fixture.decide().0, Answer::needs(Needs::Selection("shop")));
    fixture.selected = Some(Ok(true));
    assert_eq!(fixture.decide().0, Answer::Allow("shop/orders (u-1)".to_owned()));
}

#[test]
fn published_keys_deny_where_the_mounts_own_keys_would_and_where_there_are_none() {
    let forge = |fixture: &mut Fixture| {
        fixture.without_keys();
        fixture.published = Some(LocalSignature::Forged);
    };
    let rank = DENIALS.iter().position(|(_, deny, ..)| *deny == Deny::Issuer).unwrap();
    for (fault, _, _, change) in &DENIALS[rank..] {
        let mut fixture = Fixture::default();
        change(&mut fixture);
        forge(&mut fixture);
        assert_eq!(fixture.decide().0, Answer::Deny(Deny::Signature), "{fault}");
    }
    for (fault, deny, _, change) in DENIALS[..rank].iter().filter(|(_, deny, ..)| *deny != Deny::Signature) {
        let mut fixture = Fixture::default();
        change(&mut fixture);
        forge(&mut fixture);
        assert_eq!(fixture.decide().0, Answer::Deny(*deny), "{fault}");
    }
    for published in [Some(LocalSignature::Unknown), Some(LocalSignature::Proven)] {
        let mut fixture = Fixture { published, status: None, ..Fixture::default() };
        fixture.without_keys();
        assert_eq!(fixture.decide().0, Answer::needs(Needs::Review), "no signature allows");
    }
    let mut fixture = Fixture { published: None, status: None, ..Fixture::default() };
    fixture.without_keys();
    assert_eq!(fixture.decide().0, Answer::needs(Needs::PublishedSignature));
    let keyed = Fixture { published: Some(LocalSignature::Forged), ..Fixture::default() };
    assert!(keyed.decide().0.is_allow(), "the mount has keys of its own");
}

#[test]
fn nothing_is_asked_for_that_does_not_matter() {
    let mut fixture = Fixture { signed: None, selected: None, ..Fixture::default() };
    fixture.without_keys();
    // A namespace that a glob admits needs no labels, although there is a selector.
    fixture.role.bound_service_account_namespace_selector = Some(LabelSelector::default());
    assert_eq!(fixture.decide().0, Answer::Allow("shop/orders (u-1)".to_owned()));

    let mut refused = Fixture { signed: None, status: None, selected: None, ..Fixture::default() };
    refused.without_keys();
    refused.payload["exp"] = json!(NOW - 61);
    assert_eq!(refused.decide().0, Answer::Deny(Deny::Expired));
}

#[test]
fn a_fact_that_nobody_can_tell_makes_the_case_undecided_and_no_other() {
    for undecided in Undecided::ALL {
        let mut review = Fixture { status: Some(Err(undecided)), ..Fixture::default() };
        review.by_labels();
        review.selected = Some(Ok(false));
        let mut labels = Fixture::default();
        labels.by_labels();
        labels.selected = Some(Err(undecided));
        for (fixture, check) in [(review, CheckName::Review), (labels, CheckName::NamespaceLabels)] {
            let (answer, checks) = fixture.decide();
            assert_eq!(answer, Answer::Undecided(undecided));
            let last = checks.last().unwrap();
            assert_eq!((last.name, last.passed), (check, None));
        }
    }
}
