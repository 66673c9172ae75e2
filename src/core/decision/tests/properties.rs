//! Properties of `decide` over cases in which most things are right and some are not.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::cases::fixtures;
use super::fixture::{Answer, Fixture};
use crate::core::cidr::BoundCidr;
use crate::core::identity::ReviewStatus;
use crate::core::jwks::LocalSignature;

/// Takes one liberty away, where there is one to take.
fn tighten(fixture: &mut Fixture, how: usize) {
    let Fixture { role, config, default_audience, signed, .. } = fixture;
    let cidrs = &mut role.token.bound_cidrs;
    match how {
        0 if cidrs.is_empty() => cidrs.push(BoundCidr::parse("10.0.0.0/8").unwrap()),
        0 if cidrs.len() > 1 => drop(cidrs.pop()),
        1 if role.audience.is_empty() && default_audience.is_none() => role.audience = "api".to_owned(),
        2 => drop(role.bound_service_account_names.pop()),
        3 => drop(role.bound_service_account_namespaces.pop()),
        4 => role.bound_service_account_namespace_selector = None,
        5 => *config = None,
        6 | 7 => {
            if let Some(config) = config {
                match how {
                    6 if config.demanded_issuer().is_none() => {
                        (config.issuer, config.disable_iss_validation) = ("issuer".to_owned(), false);
                    }
                    7 if config.pem_keys.is_empty() => {
                        config.pem_keys.push("key".to_owned());
                        *signed = Some(false);
                    }
                    _ => {}
                }
            }
        }
        8 if default_audience.is_none() && role.audience.is_empty() => {
            *default_audience = Some("api".to_owned());
        }
        _ => {}
    }
}

/// What must hold before anybody may be allowed, said once more and from the raw inputs.
fn may_be_allowed(fixture: &Fixture) -> bool {
    let text = |pointer: &str| fixture.payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let date = |key: &str| i128::from(fixture.payload.get(key).and_then(Value::as_i64).unwrap_or_default());
    let (namespace, name) = (text("/kubernetes.io/namespace"), text("/kubernetes.io/serviceaccount/name"));
    let uid = text("/kubernetes.io/serviceaccount/uid");
    let (Some(config), Some(Ok(status))) = (&fixture.config, &fixture.status) else { return false };
    let fits = |globs: &[String], text: &str| {
        globs.iter().any(|glob| match glob.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => glob == text,
        })
    };

    let confirmed = status.authenticated
        && status.error.is_empty()
        && status.username == format!("system:serviceaccount:{namespace}:{name}")
        && status.uid == uid
        && !uid.is_empty();
    let audiences: Vec<&str> =
        fixture.payload["aud"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let demanded = match (fixture.role.audience.as_str(), fixture.default_audience.as_deref()) {
        ("", default) => default,
        (own, _) => Some(own),
    };
    let meant = demanded.is_none_or(|demanded| {
        audiences.contains(&demanded) && status.audiences.iter().any(|audience| audience == demanded)
    });
    let (exp, nbf, iat, now) = (date("exp"), date("nbf"), date("iat"), i128::from(fixture.now));
    let in_time = (exp == 0 || now - 60 <= exp) && nbf <= now + 60 && iat <= now + 60;
    let cidrs = &fixture.role.token.bound_cidrs;
    let near =
        cidrs.is_empty() || fixture.peer.is_some_and(|peer| cidrs.iter().any(|cidr| cidr.contains(peer)));
    let selected =
        fixture.role.bound_service_account_namespace_selector.is_some() && fixture.selected == Some(Ok(true));

    confirmed
        && meant
        && in_time
        && near
        && match config.pem_keys.is_empty() {
            true => fixture.published.is_some_and(|said| said != LocalSignature::Forged),
            false => fixture.signed == Some(true),
        }
        && (config.disable_iss_validation || config.issuer.is_empty() || config.issuer == text("/iss"))
        && fits(&fixture.role.bound_service_account_names, name)
        && (fits(&fixture.role.bound_service_account_namespaces, namespace) || selected)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn unverified_facts_alone_never_lead_to_allow(fixture in fixtures(), review in any::<bool>()) {
        let status = if review { fixture.status.clone() } else { None };
        let status = status.map(|status| status.map(|status| ReviewStatus { authenticated: false, ..status }));
        let (answer, _) = Fixture { status, ..fixture }.decide();
        prop_assert!(!answer.is_allow(), "{answer:?}");
    }

    #[test]
    fn whoever_is_allowed_meets_every_condition(fixture in fixtures()) {
        let (answer, _) = fixture.decide();
        if answer.is_allow() {
            prop_assert!(may_be_allowed(&fixture), "{fixture:#?}");
        }
    }

    #[test]
    fn a_further_restriction_never_opens(fixture in fixtures(), how in 0_usize..9) {
        let (before, _) = fixture.decide();
        let mut tightened = fixture.clone();
        tighten(&mut tightened, how);
        let (after, _) = tightened.decide();
        prop_assert!(before.is_allow() || !after.is_allow(), "{how}: {before:?}, then {after:?}");
    }

    #[test]
    fn with_all_evidence_there_is_a_verdict(fixture in fixtures()) {
        let Fixture { signed, status, selected, published, .. } = Fixture::default();
        let whole = Fixture {
            signed: fixture.signed.or(signed),
            status: fixture.status.clone().or(status),
            selected: fixture.selected.or(selected),
            published: fixture.published.or(published),
            ..fixture
        };
        let (answer, _) = whole.decide();
        prop_assert!(!matches!(answer, Answer::Needs(_)), "{answer:?}");
    }

    #[test]
    fn the_last_check_is_the_failing_one_and_the_only_one(fixture in fixtures()) {
        let (answer, checks) = fixture.decide();
        let failed: Vec<usize> =
            checks.iter().enumerate().filter(|(_, check)| check.passed != Some(true)).map(|(at, _)| at).collect();
        match answer {
            Answer::Allow(_) | Answer::Needs(_) => prop_assert!(failed.is_empty(), "{checks:?}"),
            Answer::Deny(_) | Answer::Undecided(_) => prop_assert_eq!(failed, vec![checks.len() - 1]),
        }
        prop_assert_eq!(fixture.decide(), (answer, checks), "the same case gives the same answer");
    }

    #[test]
    fn no_input_panics(
        fixture in fixtures(),
        text in proptest::option::of("\\PC{0,60}"),
        globs in proptest::collection::vec("[a*é]{0,6}", 0..4),
        claim in "\\PC{0,20}",
        numbers in any::<[i64; 4]>(),
        peer in any::<Option<std::net::IpAddr>>(),
    ) {
        let mut fixture = Fixture { text, peer, ..fixture };
        let [exp, nbf, iat, now] = numbers;
        for (key, date) in [("exp", exp), ("nbf", nbf), ("iat", iat)] {
            fixture.payload[key] = json!(date);
        }
        fixture.now = now;
        fixture.payload["kubernetes.io"]["namespace"] = json!(claim);
        fixture.role.bound_service_account_names = globs.clone();
        fixture.role.bound_service_account_namespaces = globs;
        fixture.role.audience = claim;
        let _answer = fixture.decide();
    }
}

#[test]
fn the_cases_of_the_properties_hold_enough_of_each_answer() {
    let mut runner = TestRunner::deterministic();
    let mut counts = [0_u32; 4];
    for _ in 0..2_000 {
        let fixture = fixtures().new_tree(&mut runner).unwrap().current();
        counts[match fixture.decide().0 {
            Answer::Allow(_) => 0,
            Answer::Deny(_) => 1,
            Answer::Undecided(_) => 2,
            Answer::Needs(_) => 3,
        }] += 1;
    }
    assert!(counts.iter().all(|count| *count > 40), "{counts:?}");
}
