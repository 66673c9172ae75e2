//! Tables of what each kind of source finds.

use super::super::testing::{Sent, sources};
use super::find;
use crate::core::reason::Deny::{self, AmbiguousToken, MalformedToken, NoToken};

fn found(sent: &Sent, texts: &[&str]) -> Result<String, Deny> {
    let sources = sources(texts);
    let found = find(sent.view(), &sources);
    found.map(|found| found.token.to_owned()).map_err(|none| none.deny)
}

fn lines(name: &str, values: &[&str]) -> Sent {
    values.iter().fold(Sent::default(), |sent, value| sent.line(name, value))
}

fn ok(token: &str) -> Result<String, Deny> {
    Ok(token.to_owned())
}

#[test]
fn a_header_with_a_scheme_as_one_value_or_as_lines() {
    // The lines, and what is found where Envoy sends them apart and where it joins them.
    let cases: [(&[&str], Result<String, Deny>); 22] = [
        (&["Bearer abc"], ok("abc")),
        (&["bearer abc"], ok("abc")),
        (&["BEARER abc"], ok("abc")),
        (&["  Bearer \t abc  "], ok("abc")),
        (&["Bearer\tabc"], ok("abc")),
        (&["Bearer a b"], ok("a b")),
        (&["Bearer"], Err(MalformedToken)),
        (&["Bearer "], Err(MalformedToken)),
        (&["Bearerabc"], Err(NoToken)),
        (&["Bearer=abc"], Err(NoToken)),
        (&["Basic abc"], Err(NoToken)),
        (&["abc"], Err(NoToken)),
        (&[""], Err(NoToken)),
        (&[], Err(NoToken)),
        (&["Basic a", "Basic b"], Err(NoToken)),
        (&["Bearer a", "Bearer b"], Err(AmbiguousToken)),
        (&["Bearer a", "Bearer a"], Err(AmbiguousToken)),
        (&["Basic x", "Bearer y"], Err(AmbiguousToken)),
        (&["Bearer y", "Basic x"], Err(AmbiguousToken)),
        (&["", "Bearer y"], Err(AmbiguousToken)),
        (&["Bearer y", ""], Err(AmbiguousToken)),
        (&["Basic x", "Bearer"], Err(AmbiguousToken)),
    ];
    for (values, expected) in cases {
        let apart = lines("authorization", values);
        assert_eq!(found(&apart, &["authorization:Bearer"]), expected, "{values:?}");
        for comma in [",", ", "] {
            let joined = Sent::default().joined("authorization", values.join(comma));
            assert_eq!(found(&joined, &["authorization:Bearer"]), expected, "{values:?} by {comma:?}");
        }
    }
}

#[test]
fn a_header_whose_value_is_the_token() {
    let cases: [(&[&str], Result<String, Deny>); 8] = [
        (&["abc"], ok("abc")),
        (&[" abc "], ok("abc")),
        (&[""], Err(NoToken)),
        (&[" "], Err(NoToken)),
        (&[], Err(NoToken)),
        (&["a", "b"], Err(AmbiguousToken)),
        (&["a", ""], Err(AmbiguousToken)),
        (&["", "a"], Err(AmbiguousToken)),
    ];
    for (values, expected) in cases {
        assert_eq!(found(&lines("x-vault-token", values), &["x-vault-token"]), expected, "{values:?}");
        let joined = Sent::default().joined("x-vault-token", values.join(","));
        assert_eq!(found(&joined, &["x-vault-token"]), expected, "{values:?} joined");
    }
    assert_eq!(found(&lines("x-vault-token", &["", ""]), &["x-vault-token"]), Err(NoToken));
}

#[test]
fn a_cookie_in_one_line_in_two_and_in_two_joined_by_a_proxy() {
    let cases: [(&[&str], Result<String, Deny>); 35] = [
        (&["t=abc"], ok("abc")),
        (&["a=1; t=abc; b=2"], ok("abc")),
        (&["a=1;t=abc"], ok("abc")),
        (&["a=1", "t=abc"], ok("abc")),
        (&["a=1; t = abc"], ok("abc")),
        (&["t=\"abc\""], ok("\"abc\"")),
        (&["t=a=b"], ok("a=b")),
        (&["a=x,y; t=abc"], ok("abc")),
        (&["T=abc"], Err(NoToken)),
        (&["tt=abc; xt=abc"], Err(NoToken)),
        (&["a=t"], Err(NoToken)),
        (&[""], Err(NoToken)),
        (&[], Err(NoToken)),
        (&["t="], Err(NoToken)),
        (&["t"], Err(NoToken)),
        (&["t= ; a=1"], Err(NoToken)),
        (&["t=\"\""], Err(NoToken)),
        (&["t=; t="], Err(NoToken)),
        (&["t=; t=abc"], Err(AmbiguousToken)),
        (&["t=abc; t="], Err(AmbiguousToken)),
        (&["t=", "t=abc"], Err(AmbiguousToken)),
        (&["t=abc; t=\"\""], Err(AmbiguousToken)),
        (&["a=1,t="], Err(NoToken)),
        (&["a=1,t"], Err(NoToken)),
        (&["t=abc; a=1,t"], ok("abc")),
        (&["t=abc; a=1,t="], Err(AmbiguousToken)),
        (&["%74=abc"], ok("abc")),
        (&["t=abc; %74=x"], Err(AmbiguousToken)),
        (&["%2574=abc"], Err(NoToken)),
        (&["t=a; t=b"], Err(AmbiguousToken)),
        (&["t=a", "t=a"], Err(AmbiguousToken)),
        (&["t=a; t"], Err(AmbiguousToken)),
        (&["a=1,t=abc"], Err(AmbiguousToken)),
        (&["a=1, t=abc; b=2"], Err(AmbiguousToken)),
        (&["t=abc,a=1"], Err(AmbiguousToken)),
    ];
    for (values, expected) in cases {
        assert_eq!(found(&lines("cookie", values), &["cookie=t"]), expected, "{values:?}");
        let joined = Sent::default().joined("cookie", values.join("; "));
        assert_eq!(found(&joined, &["cookie=t"]), expected, "{values:?} joined");
    }
}

#[test]
fn a_query_parameter() {
    for (path, expected) in [
        ("/x?t=abc", ok("abc")),
        ("/x?a=1&t=abc&b=2", ok("abc")),
        ("/x?a=?&t=abc", ok("abc")),
        ("/x", Err(NoToken)),
        ("/x?", Err(NoToken)),
        ("/t=abc", Err(NoToken)),
        ("/x?T=abc", Err(NoToken)),
        ("/x?tt=abc", Err(NoToken)),
        ("/x?a=t", Err(NoToken)),
        ("/x?t=", Err(NoToken)),
        ("/x?t", Err(NoToken)),
        ("/x?t=&t", Err(NoToken)),
        ("/x?t=&t=abc", Err(AmbiguousToken)),
        ("/x?%74=abc", ok("abc")),
        ("/x?+t=abc", ok("abc")),
        ("/x?a=1;t=abc", ok("abc")),
        ("/x?t=abc;a=1", ok("abc")),
        ("/x?t=abc&%74=x", Err(AmbiguousToken)),
        ("/x?t=abc&a=1;t=x", Err(AmbiguousToken)),
        ("/x?t=abc&a=1;%74", Err(AmbiguousToken)),
        ("/x?%2574=abc", Err(NoToken)),
        ("/x?t=a&t=b", Err(AmbiguousToken)),
        ("/x?t=a&t", Err(AmbiguousToken)),
        ("/x?t=a,b", Err(AmbiguousToken)),
    ] {
        assert_eq!(found(&Sent::default().path(path), &["query?t"]), expected, "{path}");
    }
}

#[test]
fn the_first_source_that_is_present_counts_and_never_gives_way_to_the_next() {
    const ALL: [&str; 4] = ["authorization:Bearer", "x-vault-token", "cookie=t", "query?t"];
    let rest =
        || Sent::default().line("x-vault-token", "second").line("cookie", "t=third").path("/?t=fourth");
    for (sent, expected) in [
        (rest().line("authorization", "Bearer first"), ok("first")),
        (rest().line("authorization", "Basic first"), ok("second")),
        (rest(), ok("second")),
        (rest().line("authorization", "Bearer"), Err(MalformedToken)),
        (rest().line("authorization", b"Bearer \xff"), Err(MalformedToken)),
        (rest().line("authorization", "Bearer a,b"), Err(AmbiguousToken)),
        (rest().line("x-vault-token", "again"), Err(AmbiguousToken)),
        (Sent::default().line("cookie", "t=third").path("/?t=fourth"), ok("third")),
        (Sent::default().line("cookie", "t=").path("/?t=fourth"), ok("fourth")),
        (rest().line("authorization", ""), ok("second")),
        (Sent::default().line("x-vault-token", " ").line("cookie", "t").path("/?t=fourth"), ok("fourth")),
        (Sent::default().line("cookie", "t=; t=x").path("/?t=fourth"), Err(AmbiguousToken)),
        (Sent::default().line("cookie", "a=1,t=x").path("/?t=fourth"), Err(AmbiguousToken)),
        (Sent::default().path("/?t=fourth"), ok("fourth")),
        (Sent::default(), Err(NoToken)),
    ] {
        assert_eq!(found(&sent, &ALL), expected, "{sent:?}");
    }
    let reversed = ["query?t", "x-vault-token"];
    assert_eq!(found(&rest(), &reversed), ok("fourth"));
    assert_eq!(found(&rest().path("/?t="), &reversed), ok("second"));
}

#[test]
fn what_is_no_text_is_malformed_in_every_source() {
    for (sent, source) in [
        (Sent::default().line("authorization", b"Bearer \xc3\x28"), "authorization:Bearer"),
        (Sent::default().line("x-vault-token", b"\xc3\x28"), "x-vault-token"),
        (Sent::default().line("cookie", b"t=\xc3\x28"), "cookie=t"),
        (Sent::default().path(b"/?t=\xc3\x28"), "query?t"),
    ] {
        assert_eq!(found(&sent, &[source]), Err(MalformedToken), "{source}");
    }
}

#[test]
fn header_names_are_compared_without_case() {
    assert_eq!(found(&lines("Authorization", &["Bearer abc"]), &["authorization:Bearer"]), ok("abc"));
    let twice = lines("Authorization", &["Bearer a"]).line("authorization", "Bearer b");
    assert_eq!(found(&twice, &["authorization:Bearer"]), Err(AmbiguousToken));
}

#[test]
fn raw_lines_go_before_joined_values() {
    let both = Sent::default().joined("authorization", "Bearer joined").line("authorization", "Bearer raw");
    assert_eq!(found(&both, &["authorization:Bearer"]), ok("raw"));
    let other = Sent::default().joined("authorization", "Bearer joined").line("accept", "*/*");
    assert_eq!(found(&other, &["authorization:Bearer"]), Err(NoToken));
}
