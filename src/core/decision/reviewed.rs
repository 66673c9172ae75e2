//! What the API server says, against the token's word and the role.

use std::collections::BTreeMap;

use super::checks::Checker;
use super::{CheckName, CheckObserver, Details, Evidence, Needs, Stop, Verdict, list, shown};
use crate::core::glob::any_fits;
use crate::core::identity::Review;
use crate::core::reason::Deny;
use crate::core::role::{LabelSelector, Role};
use crate::core::token::UnverifiedToken;

/// Checks the review and, where only the selector admits the namespace, its labels.
pub(super) fn check<'a, T: CheckObserver>(
    role: &Role,
    token: &UnverifiedToken<'_>,
    evidence: &Evidence<'a>,
    check: &mut Checker<'_, T>,
) -> Result<Verdict<'a>, Stop<'a>> {
    let identity = match evidence.review.ok_or(Stop::Needs(Needs::Review))? {
        Ok(Review::Confirmed(identity)) => identity,
        Ok(Review::Refused(deny)) => return Err(check.stop(CheckName::Review, *deny, || refused(*deny))),
        Err(undecided) => {
            return Err(check.undecided(CheckName::Review, undecided, "a review by the API server"));
        }
    };
    let claims = &token.claims;
    // Nobody without a uid is confirmed, not even by an API server that knows none either.
    let same = !claims.uid.is_empty()
        && identity.name() == claims.name
        && identity.uid() == claims.uid
        && identity.namespace() == claims.namespace;
    check.that(same, CheckName::Review, Deny::IdentityMismatch, || {
        let account = |namespace: &str, name: &str, uid: &str| shown(&format!("{namespace}/{name} ({uid})"));
        let claimed = account(&claims.namespace, &claims.name, &claims.uid);
        Details::verified(account(identity.namespace(), identity.name(), identity.uid()), claimed)
    })?;
    if !any_fits(&role.bound_service_account_namespaces, identity.namespace()) {
        let selected = evidence.selected.ok_or(Stop::Needs(Needs::Selection(identity.namespace())))?;
        let selected = selected.map_err(|undecided| {
            check.undecided(CheckName::NamespaceLabels, undecided, "the namespace's labels")
        })?;
        let selector = role.bound_service_account_namespace_selector.as_ref();
        check.that(selected, CheckName::NamespaceLabels, Deny::Namespace, || {
            labels_details(identity.namespace(), evidence.labels, selector)
        })?;
    }
    Ok(Verdict::Allow(identity))
}

fn refused(deny: Deny) -> Details {
    match deny {
        Deny::AudienceNotConfirmed => Details::verified("another audience", "an audience that was asked for"),
        Deny::IdentityMismatch => Details::verified("no service account", "a service account"),
        _ => Details::verified("not authenticated", "authenticated"),
    }
}

/// A namespace's labels against the selector.
pub(super) fn labels_details(
    namespace: &str,
    labels: Option<&BTreeMap<String, String>>,
    selector: Option<&LabelSelector>,
) -> Details {
    let labels = match labels {
        None => "labels not known".to_owned(),
        Some(labels) if labels.is_empty() => "no labels".to_owned(),
        Some(labels) => list(labels.iter().map(|(key, value)| format!("{key}={value}"))),
    };
    let expected = selector.map_or_else(|| "no selector".to_owned(), |selector| shown(&selector.text));
    Details::verified(format!("{}: {labels}", shown(namespace)), expected)
}
