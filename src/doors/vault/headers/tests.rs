//! Headers, one table each.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{PatchType, is_form, is_root_namespace, merge_patch, token, wrap_ttl};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    headers
}

#[test]
fn the_token_is_vaults_own_header_or_the_bearer() {
    let cases: [(&[(&str, &str)], &str); 11] = [
        (&[], ""),
        (&[("X-Vault-Token", "root")], "root"),
        (&[("X-Vault-Token", " root ")], "root"),
        (&[("X-Vault-Token", "")], ""),
        (&[("Authorization", "Bearer root")], "root"),
        (&[("Authorization", "Bearer  root ")], "root"),
        (&[("Authorization", "bearer root")], ""),
        (&[("Authorization", "Basic cm9vdA==")], ""),
        (&[("Authorization", "Basic cm9vdA=="), ("Authorization", "Bearer root")], "root"),
        (&[("X-Vault-Token", "bogus"), ("Authorization", "Bearer root")], "bogus"),
        (&[("X-Vault-Token", ""), ("Authorization", "Bearer root")], "root"),
    ];
    for (lines, expected) in cases {
        let found = token(&headers(lines));
        assert_eq!(found.as_ref().map_or("", |token| token.expose()), expected, "{lines:?}");
        assert_eq!(found.is_none(), expected.is_empty(), "{lines:?}");
    }
}

#[test]
fn only_the_root_namespace_is_there() {
    for (value, expected) in [
        ("", true),
        ("root", true),
        ("root/", true),
        ("/", true),
        ("/root/", true),
        ("nope", false),
        ("nope/", false),
        ("root/nope", false),
        ("Root", false),
    ] {
        assert_eq!(is_root_namespace(&headers(&[("X-Vault-Namespace", value)])), expected, "{value}");
    }
    assert!(is_root_namespace(&HeaderMap::new()));
}

#[test]
fn a_wrap_ttl_is_seconds_or_a_duration() {
    assert_eq!(wrap_ttl(&HeaderMap::new()), Ok(None));
    for (value, expected) in [
        ("", None),
        ("0", Some(0)),
        ("60", Some(60)),
        ("5m", Some(300)),
        ("1d", Some(86_400)),
        ("1ms", Some(1)),
        ("1500ms", Some(2)),
    ] {
        let found = wrap_ttl(&headers(&[("X-Vault-Wrap-TTL", value)]));
        assert_eq!(found, Ok(expected.map(Duration::from_secs)), "{value}");
    }
    for value in ["x", "-5", "-5m", "-1ms", "1.5", "99999999999999999999"] {
        let error = wrap_ttl(&headers(&[("X-Vault-Wrap-TTL", value)])).unwrap_err();
        assert!(error.starts_with("error parsing X-Vault-Wrap-TTL header: "), "{value}: {error}");
    }
}

#[test]
fn a_patch_says_that_it_is_a_merge_patch() {
    let of = |value: &str| merge_patch(&headers(&[("Content-Type", value)]));
    for good in [
        "application/merge-patch+json",
        "application/merge-patch+json; charset=utf-8",
        "APPLICATION/merge-patch+JSON",
    ] {
        assert_eq!(of(good), Ok(()), "{good}");
    }
    assert_eq!(of("Application/JSON; x=y"), Err(PatchType::Other("application/json".to_owned())));
    assert_eq!(of("nonsense"), Err(PatchType::Other("nonsense".to_owned())));
    for bad in ["a/b/c", "a/", "/", "a b/c", "ä/b"] {
        let unreadable = PatchType::Unreadable("mime: unexpected content after media type");
        assert_eq!(of(bad), Err(unreadable), "{bad}");
    }
    for none in ["", ";"] {
        assert_eq!(of(none), Err(PatchType::Unreadable("mime: no media type")), "{none}");
    }
    assert_eq!(merge_patch(&HeaderMap::new()), Err(PatchType::Unreadable("mime: no media type")));
}

#[test]
fn a_form_says_that_it_is_one() {
    for (value, expected) in [
        ("application/x-www-form-urlencoded", true),
        ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
        ("application/json", false),
        ("nonsense", false),
        ("", false),
    ] {
        assert_eq!(is_form(&headers(&[("Content-Type", value)])), expected, "{value}");
    }
    assert!(!is_form(&HeaderMap::new()));
}
