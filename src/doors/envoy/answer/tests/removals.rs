//! What is taken out of a request: tokens, and names that could be taken for ours.

use super::*;

fn of_request(sent: &Sent, texts: &[&str], keep_token: bool) -> Option<Removals> {
    let sources = sources(texts);
    let always = Removals::always(&sources, keep_token);
    always.of_request(sent.view(), &IdentityHeaders::new("x-rolegate-"), &sources, keep_token)
}

#[test]
fn token_headers_and_parameters_are_always_removed_unless_they_are_kept() {
    let sources = sources(&["authorization", "query?t", "x-vault-token", "cookie=t", "query?u"]);
    let always = Removals::always(&sources, false);
    assert_eq!(always.headers, ["authorization", "x-vault-token"]);
    assert_eq!(always.query_parameters, ["t", "u"]);
    assert_eq!(always.cookie_left, None);
    assert_eq!(Removals::always(&sources, true), Removals::default());
}

#[test]
fn names_that_could_be_taken_for_ours_are_removed_as_they_were_sent() {
    for (name, expected) in [
        ("x-rolegate-role", None), // set or removed anyway
        ("X-Rolegate-Role", Some("x-rolegate-role")),
        ("x-rolegate-other", Some("x-rolegate-other")),
        ("x-rolegate-", Some("x-rolegate-")),
        ("x_rolegate_role", Some("x_rolegate_role")),
        ("x-rolegate_role", Some("x-rolegate_role")),
        ("x-rolegate-service_account", Some("x-rolegate-service_account")),
        ("X_ROLEGATE_UID", Some("x_rolegate_uid")),
        ("x-rolegate", None),
        ("x_rolegate", None),
        ("xrolegate-role", None),
        ("x.rolegate.role", None),
        ("my-x-rolegate-role", None),
    ] {
        for sent in [Sent::default().line(name, "admin"), Sent::default().joined(name, "admin")] {
            let removals = of_request(&sent, &["authorization"], false);
            let expected = expected.map(|name| vec!["authorization".to_owned(), name.to_owned()]);
            assert_eq!(removals.map(|removals| removals.headers), expected, "{name}");
        }
    }
}

#[test]
fn a_token_cookie_is_cut_out_and_the_others_stay() {
    // The `cookie` lines, and what is left: none where nothing is cut.
    let cases: [(&[&str], Option<&str>); 17] = [
        (&["t=x"], Some("")),
        (&["t=x; t=y"], Some("")),
        (&["a=1; t=x; b=2"], Some("a=1; b=2")),
        (&["a=1;t=x;b=2"], Some("a=1; b=2")),
        (&["a=1", "t=x", "b=2"], Some("a=1; b=2")),
        (&["t = x; a=1"], Some("a=1")),
        (&["t; a=1"], Some("a=1")),
        (&["t=x; a=1,2"], Some("a=1,2")),
        (&["a=1,t=x"], Some("a=1")),
        (&["t=x,a=1"], Some("a=1")),
        (&["a=1, t=x, b=2; c=3"], Some("a=1; b=2; c=3")),
        (&["t=x;;  ; a=1;"], Some("a=1")),
        (&["a=1; b=2"], None),
        (&["tt=x; xt=x; a=t"], None),
        (&["T=x"], None),
        (&[""], None),
        (&[], None),
    ];
    for (lines, expected) in cases {
        let sent = lines.iter().fold(Sent::default(), |sent, line| sent.line("cookie", line));
        let removals = of_request(&sent, &["cookie=t"], false);
        let left = removals.as_ref().map(|removals| {
            let gone = removals.headers.contains(&"cookie".to_owned());
            assert_eq!(gone, removals.cookie_left.is_none(), "set or removed: {removals:?}");
            removals.cookie_left.as_deref().unwrap_or_default()
        });
        assert_eq!(left, expected, "{lines:?}");
        assert_eq!(of_request(&sent, &["cookie=t"], true), None, "kept: {lines:?}");
        assert_eq!(of_request(&sent, &["authorization"], false), None, "no source: {lines:?}");
    }
}

#[test]
fn a_request_that_loses_nothing_of_its_own_shares_its_answer() {
    let sent = Sent::default().line("authorization", "Bearer x").line("cookie", "a=1").path("/?t=x");
    assert_eq!(of_request(&sent, &["authorization", "cookie=t", "query?t"], false), None);
}
