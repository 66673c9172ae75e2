//! What is taken out of a request: tokens, and names that could be taken for ours.

use super::super::Unreturnable;
use super::*;

fn rules(texts: &[&str]) -> RemovalRules {
    RemovalRules::new(&sources(texts), false)
}

fn of_request(sent: &Sent, texts: &[&str]) -> Result<Option<Removals>, Unreturnable> {
    rules(texts).of_request(sent.view(), &IdentityHeaders::new("x-rolegate-"))
}

/// The names that the request loses by itself, and whatever else it loses.
fn lost(sent: &Sent, texts: &[&str]) -> Option<Vec<String>> {
    of_request(sent, texts).unwrap().map(|removals| removals.headers)
}

#[test]
fn token_headers_are_removed_seen_or_not_unless_they_are_kept() {
    let texts = ["authorization:Bearer", "query?t", "x-vault-token", "cookie=t", "authorization:Token"];
    let always = Removals {
        headers: vec!["authorization".to_owned(), "x-vault-token".to_owned()],
        ..Removals::default()
    };
    assert_eq!(rules(&texts).always(), always);
    let kept = RemovalRules::new(&sources(&texts), true);
    assert_eq!(kept.always(), Removals::default());
    let sent = Sent::default()
        .line("x-vault-token", "x")
        .line("x_vault_token", "x")
        .line("cookie", "t=x")
        .path("/?t=x");
    assert_eq!(kept.of_request(sent.view(), &IdentityHeaders::new("x-rolegate-")), Ok(None));
}

#[test]
fn a_header_stays_only_where_none_of_its_values_could_be_the_token() {
    // The lines of `authorization`, and whether they stay with the scheme Bearer.
    let cases: [(&[&str], bool); 11] = [
        (&["Basic dXNlcjpwYXNz"], true),
        (&["Basic a", "Digest x=1"], true),
        (&["Bearer x"], false),
        (&["Basic a", "Bearer x"], false),
        (&["Bearer x", "Basic a"], false),
        (&["Basic a", ""], false),
        (&["Basic"], false),
        (&["eyJhbGciOiJSUzI1NiJ9.e30.c2ln"], false),
        (&["Basic a b"], false),
        (&[""], false),
        (&[], false),
    ];
    for (values, stays) in cases {
        let apart = values.iter().fold(Sent::default(), |sent, value| sent.line("authorization", value));
        let joined = Sent::default().joined("authorization", values.join(","));
        for sent in if values.contains(&"") { vec![apart] } else { vec![apart, joined] } {
            let expected = stays.then(|| vec!["x-vault-token".to_owned()]);
            assert_eq!(lost(&sent, &["authorization:Bearer", "x-vault-token"]), expected, "{values:?}");
        }
    }
    let basic = Sent::default().line("authorization", "Basic a").line("x-vault-token", "Basic a");
    assert_eq!(lost(&basic, &["x-vault-token"]), None, "every value of a header without scheme goes");
    for texts in [["authorization", "authorization:Bearer"], ["authorization:Bearer", "authorization"]] {
        assert_eq!(lost(&basic, &texts), None, "the header is a source without a scheme, too");
    }
    assert_eq!(lost(&basic, &["authorization:Bearer", "authorization:basic"]), None);
    assert_eq!(lost(&basic, &["authorization:Bearer", "authorization:Token"]), Some(vec![]));
}

#[test]
fn names_that_could_be_taken_for_ours_or_for_a_token_header_are_removed_as_they_were_sent() {
    for (name, expected) in [
        ("x-rolegate-role", None), // set or removed anyway
        ("X-Rolegate-Role", Some("x-rolegate-role")),
        ("x-rolegate-other", Some("x-rolegate-other")),
        ("x-rolegate-", Some("x-rolegate-")),
        ("x_rolegate_role", Some("x_rolegate_role")),
        ("x-rolegate_role", Some("x-rolegate_role")),
        ("x-rolegate-service_account", Some("x-rolegate-service_account")),
        ("X_ROLEGATE_UID", Some("x_rolegate_uid")),
        ("x.rolegate.role", Some("x.rolegate.role")),
        ("X.Rolegate_Role", Some("x.rolegate_role")),
        ("x-rolegate.service-account", Some("x-rolegate.service-account")),
        ("x~rolegate|role", Some("x~rolegate|role")),
        ("x-vault-token", None), // removed anyway
        ("X-Vault-Token", None),
        ("x_vault_token", Some("x_vault_token")),
        ("X.Vault.Token", Some("x.vault.token")),
        ("x-rolegate", None),
        ("x_rolegate", None),
        ("xrolegate-role", None),
        ("my-x-rolegate-role", None),
        ("x-vault-token-2", None),
    ] {
        for sent in [Sent::default().line(name, "admin"), Sent::default().joined(name, "admin")] {
            let expected = expected.map(|name| vec!["x-vault-token".to_owned(), name.to_owned()]);
            assert_eq!(lost(&sent, &["x-vault-token"]), expected, "{name}");
        }
    }
    let twice = Sent::default().line("x_rolegate_role", "a").line("X_Rolegate_Role", "b");
    assert_eq!(lost(&twice, &[]), Some(vec!["x_rolegate_role".to_owned()]));
}

#[test]
fn a_cookie_or_parameter_is_cut_out_wherever_the_token_came_from() {
    let texts = ["authorization:Bearer", "cookie=t", "query?t"];
    let sent =
        |cookie: &str, path: &str| Sent::default().line("cookie", cookie).line(":path", path).path(path);
    let left = |sent: &Sent| {
        let removals = of_request(sent, &texts).unwrap()?;
        let gone = removals.headers.contains(&"cookie".to_owned());
        assert!(!gone || removals.cookie_left.is_none(), "set or removed: {removals:?}");
        Some((if gone { Some(String::new()) } else { removals.cookie_left }, removals.path_left))
    };
    let text = |text: &str| Some(text.to_owned());
    for (cookie, path, expected) in [
        ("a=1", "/?uploads", None),
        ("a=1; t=x", "/?uploads", Some((text("a=1"), None))),
        ("t=x", "/", Some((text(""), None))),
        ("a=1", "/?t=x&uploads", Some((None, text("/?uploads")))),
        ("a=1; t=", "/?b;t", Some((text("a=1"), text("/?b")))),
        ("a=ñ!; t=x", "/ñ!?t=x&a=!", Some((text("a=ñ!"), text("/ñ!?a=!")))),
    ] {
        assert_eq!(left(&sent(cookie, path)), expected, "{cookie} {path}");
    }
    assert_eq!(of_request(&sent("t=x", "/?t=x"), &["authorization"]), Ok(None), "no such sources");
}

#[test]
fn what_cannot_be_given_back_unchanged_is_an_error_and_only_where_something_is_cut() {
    let latin1 = b"a=\xf1; t=x";
    for (sent, expected) in [
        (Sent::default().line("cookie", latin1), Err(Unreturnable::Cookie)),
        (Sent::default().line("cookie", b"a=\xf1").line("cookie", "t=x"), Err(Unreturnable::Cookie)),
        (Sent::default().line("cookie", b"a=\xf1"), Ok(())),
        (Sent::default().line("cookie", b"t=\xf1; a=1"), Ok(())), // the token alone is none
        (Sent::default().joined("cookie", "a=!; t=x"), Err(Unreturnable::Cookie)),
        (Sent::default().joined("cookie", "a=!"), Ok(())),
        (Sent::default().joined("cookie", "a=ñ; t=x"), Ok(())),
        (Sent::default().line(":path", b"/\xf1?t=x").path("/!?t=x"), Err(Unreturnable::Query)),
        (Sent::default().line(":path", "/!?t=x").path("/!?t=x"), Ok(())),
        (Sent::default().path("/!?t=x"), Err(Unreturnable::Query)),
        (Sent::default().path("/?a=!&t=x"), Err(Unreturnable::Query)),
        (Sent::default().path("/?t=!"), Ok(())),
        (Sent::default().path("/!?a=!"), Ok(())),
        (Sent::default().line("accept", "*/*").path("/!?t=x"), Err(Unreturnable::Query)),
    ] {
        let removals = of_request(&sent, &["cookie=t", "query?t"]);
        assert_eq!(removals.map(|_| ()), expected, "{sent:?}");
    }
}

#[test]
fn a_request_that_loses_nothing_of_its_own_shares_its_answer() {
    let sent = Sent::default().line("authorization", "Bearer x").line("cookie", "a=1").path("/?u=x&&");
    assert_eq!(of_request(&sent, &["authorization:Bearer", "cookie=t", "query?t"]), Ok(None));
}
