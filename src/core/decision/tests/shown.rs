//! Tests of what a check shows.

use serde_json::json;

use super::fixture::Fixture;
use super::{Change, DENIALS};
use crate::core::decision::CheckName;
use crate::core::reason::Deny;

#[test]
fn no_check_shows_the_token() {
    let all_right: (_, _, _, Change) = ("", Deny::NoToken, CheckName::Token, Fixture::by_labels);
    for (_, _, _, change) in DENIALS.into_iter().chain([all_right]) {
        let mut fixture = Fixture::default();
        change(&mut fixture);
        let text = fixture.token();
        let parts: Vec<&str> = text.split('.').filter(|part| part.len() > 16).collect();
        for check in fixture.decide().1 {
            let shown = [check.saw.as_str(), &check.expected].concat();
            assert!(parts.iter().all(|part| !shown.contains(part)), "{check:?}");
        }
    }
}

#[test]
fn a_failed_check_says_what_it_saw_what_was_expected_and_whether_more_than_the_token_says_so() {
    let cases: [(&str, &str, &str, bool); 22] = [
        ("the peer is elsewhere", "10.1.2.3", "192.0.2.0/24", true),
        ("the peer is not known", "no address", "0.0.0.0/0", true),
        ("no configuration", "none", "a configuration of the mount", true),
        ("no token was found", "no token", "one compact JWS of at most 256 KiB", true),
        ("more than one token", "more than one token", "one compact JWS of at most 256 KiB", true),
        ("an algorithm without keys", "HS256", "RS, PS or ES with 256, 384 or 512", false),
        ("no signature and no key", "an empty signature", "a signed token", false),
        ("no signature where there are keys", "empty", "made by one of 1 `pem_keys`", true),
        ("signed by another key", "made by none of them", "made by one of 1 `pem_keys`", true),
        ("another issuer", "another", "issuer", false),
        ("another audience", "another", "api", false),
        ("another audience than the default", "api", "default", false),
        (
            "expired",
            "nbf 1700000000, exp 1699999939, iat 1700000000",
            "nbf and iat before 1700000000, exp after it",
            false,
        ),
        ("another name", "orders", "another", true),
        ("no name is bound", "orders", "none: the role binds nobody", true),
        ("another namespace", "shop", "another", true),
        ("no uid for the alias", "none", "a uid for the alias", false),
        ("not authenticated", "not authenticated", "authenticated", true),
        ("an audience that is not confirmed", "another audience", "an audience that was asked for", true),
        ("not a service account", "no service account", "a service account", true),
        ("another name in the review", "shop/another (u-1)", "shop/orders (u-1)", true),
        ("labels that are not selected", "shop: labels not known", "{}", true),
    ];
    for (fault, saw, expected, verified) in cases {
        let (_, _, _, change) = DENIALS.iter().find(|denial| denial.0 == fault).expect(fault);
        let mut fixture = Fixture::default();
        change(&mut fixture);
        let check = fixture.decide().1.pop().unwrap();
        assert_eq!((check.saw.as_str(), check.expected.as_str()), (saw, expected), "{fault}");
        assert_eq!(check.verified, verified, "{fault}");
    }
    // The same name and namespace where no review stands behind the token yet.
    for fault in ["another name", "another namespace"] {
        let (_, _, _, change) = DENIALS.iter().find(|denial| denial.0 == fault).expect(fault);
        let mut fixture = Fixture { status: None, ..Fixture::default() };
        change(&mut fixture);
        assert!(!fixture.decide().1.pop().unwrap().verified, "{fault}");
    }
}

#[test]
fn what_a_stranger_writes_into_a_claim_is_shown_bounded_and_escaped() {
    let mut fixture = Fixture::default();
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln";
    fixture.payload["kubernetes.io"]["serviceaccount"]["name"] =
        json!(format!("\u{1b}[2J\n{jwt} {}", "x".repeat(100_000)));
    let check = fixture.decide().1.pop().unwrap();
    assert!(check.saw.starts_with("\\u{1b}[2J\\n… xxx") && check.saw.len() < 540, "{}", check.saw);
}
