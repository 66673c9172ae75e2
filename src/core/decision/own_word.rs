//! What the token says of itself. It may only deny.

use super::checks::Checker;
use super::{Case, CheckName, CheckObserver, Details, Evidence, Stop, demanded_audience, list, shown};
use crate::core::decision::failure::Account;
use crate::core::glob::any_fits;
use crate::core::identity::Review;
use crate::core::mount::MountConfig;
use crate::core::reason::Deny;
use crate::core::role::{AliasNameSource, Role};
use crate::core::token::{UnverifiedClaims, UnverifiedToken, check_times};

/// Checks the claims against the configuration, the role and the time.
pub(super) fn check<'a, T: CheckObserver>(
    case: &Case<'_>,
    role: &Role,
    config: &MountConfig,
    token: &UnverifiedToken<'_>,
    evidence: &Evidence<'_>,
    check: &mut Checker<'_, T>,
) -> Result<(), Stop<'a>> {
    let claims = &token.claims;
    // A remembered review may stand behind the token's word already.
    let said =
        |saw: String, expected: String| Details { saw, expected, verified: is_confirmed(claims, evidence) };
    let any = |what: &str| format!("any {what}");

    let issuer = config.demanded_issuer();
    let issued = issuer.is_none_or(|issuer| issuer == claims.issuer);
    check.that(issued, CheckName::Issuer, Deny::Issuer, || {
        Details::unverified(shown(&claims.issuer), issuer.map_or_else(|| any("issuer"), shown))
    })?;
    let audience = demanded_audience(role, case.default_audience);
    let meant = audience.is_none_or(|demanded| claims.audiences.iter().any(|audience| audience == demanded));
    check.that(meant, CheckName::Audience, Deny::Audience, || {
        Details::unverified(list(&claims.audiences), audience.map_or_else(|| any("audience"), shown))
    })?;
    let times = check_times(claims, case.now);
    check.that(times.is_ok(), CheckName::Times, times.err().unwrap_or(Deny::Expired), || {
        let UnverifiedClaims { not_before, expires, issued_at, .. } = claims;
        let saw = format!("nbf {not_before}, exp {expires}, iat {issued_at}");
        Details::unverified(saw, format!("nbf and iat before {now}, exp after it", now = case.now))
    })?;
    check.that(!claims.faulty, CheckName::Claims, Deny::Claims, || {
        let saw =
            if claims.faulty { "a claim of another type, or a key in other letters' case" } else { "such" };
        Details::unverified(saw, "the claims of a service account token")
    })?;
    let names = &role.bound_service_account_names;
    check.that(
        any_fits(names, &claims.name),
        CheckName::ServiceAccountName,
        Deny::ServiceAccountName,
        || said(shown(&claims.name), or_nobody(names)),
    )?;
    let namespaces = &role.bound_service_account_namespaces;
    let by_selector = role.bound_service_account_namespace_selector.is_some();
    let bound = any_fits(namespaces, &claims.namespace) || by_selector;
    check.that(bound, CheckName::Namespace, Deny::Namespace, || {
        let expected = if by_selector {
            list(namespaces.iter().map(String::as_str).chain(["or by labels"]))
        } else {
            or_nobody(namespaces)
        };
        said(shown(&claims.namespace), expected)
    })?;
    let (alias, deny, needed) = match role.alias_name_source {
        AliasNameSource::Uid => (!claims.uid.is_empty(), Deny::ClaimsWithoutUid, "a uid"),
        AliasNameSource::Name => {
            let named = !claims.namespace.is_empty() && !claims.name.is_empty();
            (named, Deny::ClaimsWithoutName, "a namespace and a name")
        }
    };
    check.that(alias, CheckName::Claims, deny, || {
        Details::unverified(if alias { needed } else { "none" }, format!("{needed} for the alias"))
    })
}

/// Patterns as they are shown: a role without any admits nobody.
pub(super) fn or_nobody(patterns: &[String]) -> String {
    if patterns.is_empty() { "none: the role binds nobody".to_owned() } else { list(patterns) }
}

fn is_confirmed(claims: &UnverifiedClaims, evidence: &Evidence<'_>) -> bool {
    let identity = evidence.review.and_then(Result::ok).and_then(Review::identity);
    Account::of_token(claims, identity).is_some_and(|account| account.verified)
}
