//! What is decided without the gate: denials before it is asked, and the end of the caller's time, each with the check that
//! failed.

use super::answer::Unreturnable;
use super::token_source::NotFound;
use crate::config::TokenSource;
use crate::core::decision::{Account, CheckName, Details, Failure, list};
use crate::core::reason::{Deny, Undecided};
use crate::core::token::UnverifiedToken;
use crate::gate::{Decision, Outcome};

/// No token, or more than one.
pub(super) fn no_token(none: NotFound<'_>, sources: &[TokenSource]) -> Decision {
    let NotFound { deny, source } = none;
    let what = match deny {
        Deny::NoToken => "no token",
        Deny::AmbiguousToken => "more than one value",
        _ => "bytes that are no token",
    };
    let saw = source.map_or_else(|| what.to_owned(), |source| format!("{what} in {source}"));
    let places = list(sources.iter().map(ToString::to_string));
    denied(deny, CheckName::Token, Details::verified(saw, format!("one token in the first of: {places}")))
}

/// What stands in the place of a token is none.
pub(super) fn unreadable(deny: Deny, source: &TokenSource) -> Decision {
    let saw = format!("no such token in {source}");
    denied(
        deny,
        CheckName::Token,
        Details::verified(saw, "a compact JWS of at most 256 KiB, or a client token"),
    )
}

/// The token stands beside bytes that cannot be given back unchanged.
pub(super) fn unreturnable(what: Unreturnable) -> Decision {
    let place = match what {
        Unreturnable::Cookie => "the `cookie` header",
        Unreturnable::Query => "the query",
    };
    let saw =
        format!("a token in {place}, beside bytes that are not UTF-8 or that Envoy has replaced by `!`");
    denied(
        Deny::MalformedToken,
        CheckName::Token,
        Details::verified(saw, "UTF-8 (and `encode_raw_headers: true`)"),
    )
}

/// A client token that does not fit.
pub(super) fn client_token(saw: &str) -> Decision {
    let expected = "a client token of a login at the route's mount, in one of the route's roles";
    denied(Deny::ClientToken, CheckName::Token, Details::verified(saw, expected))
}

/// The caller's time is over before all facts are there.
pub(super) fn late(token: Option<&UnverifiedToken<'_>>) -> Decision {
    let details = Details::verified("no answer in the caller's time", "a review by the API server");
    let account = token.and_then(|token| Account::of_token(&token.claims, None));
    let failure = Failure { role: None, check: details.of_check(CheckName::Review, None), account };
    let outcome = Outcome::Undecided(Undecided::Deadline);
    Decision { failure: Some(Box::new(failure)), ..Decision::new(None, outcome) }
}

/// A denial of which the failed check is known.
pub(super) fn denied(deny: Deny, name: CheckName, details: Details) -> Decision {
    let check = details.of_check(name, Some(false));
    let failure = Some(Box::new(Failure { role: None, check, account: None }));
    Decision { failure, ..Decision::new(None, Outcome::Deny(deny)) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sent, sources};
    use super::super::token_source;
    use super::{Unreturnable, late, no_token, unreadable, unreturnable};
    use crate::core::reason::Deny;
    use crate::gate::Decision;

    /// The reason, and what the check saw and expected.
    fn told(decision: &Decision) -> [&str; 3] {
        let check = &decision.failure.as_deref().expect("a check").check;
        [decision.outcome.reason(), &check.saw, &check.expected]
    }

    #[test]
    fn a_denial_before_the_gate_says_where_it_looked_and_never_what_stands_there() {
        let sources = sources(&["authorization:Bearer", "cookie=t", "query?t"]);
        let places = "one token in the first of: header `authorization` with `Bearer`, cookie `t`, query parameter `t`";
        for (sent, expected) in [
            (Sent::default(), ["no_token", "no token", places]),
            (
                Sent::default().line("cookie", "t=secret1; t=secret2"),
                ["ambiguous_token", "more than one value in cookie `t`", places],
            ),
            (
                Sent::default().line("authorization", b"Bearer \xff"),
                [
                    "malformed_token",
                    "bytes that are no token in header `authorization` with `Bearer`",
                    places,
                ],
            ),
        ] {
            let none = token_source::find(sent.view(), &sources).unwrap_err();
            assert_eq!(told(&no_token(none, &sources)), expected);
        }
        let expected = "a compact JWS of at most 256 KiB, or a client token";
        let found = ["malformed_token", "no such token in cookie `t`", expected];
        assert_eq!(told(&unreadable(Deny::MalformedToken, &sources[1])), found);
        assert_eq!(told(&unreturnable(Unreturnable::Query))[0], "malformed_token");
        assert_eq!(told(&late(None))[0], "deadline");
    }
}
