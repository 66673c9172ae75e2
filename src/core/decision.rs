//! The one decision that both doors share.

mod stored;
mod trail;

use std::net::IpAddr;

pub use stored::{From, StoredIdentity, admits};
pub use trail::{Check, CheckName, Checks, Onward, Trail, Unseen};

use super::glob::any_fits;
use super::identity::{Review, VerifiedIdentity};
use super::mount::{Mount, MountConfig};
use super::reason::{Deny, Undecided};
use super::role::{AliasNameSource, Role};
use super::token::{UnverifiedToken, check_times};

/// What is asked: may the holder of this token act in this role?
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The mount that the role belongs to.
    pub mount: &'a Mount,
    /// The token as read, or why it could not be.
    pub token: &'a Result<UnverifiedToken<'a>, Deny>,
    /// Where the request comes from, if that is known.
    pub peer: Option<IpAddr>,
    /// The audience asked of tokens whose role has none of its own.
    pub default_audience: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What has been found out so far; nothing of it is guessed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Whether one of the mount's keys signed the token.
    pub signed: Option<bool>,
    /// What the API server says of the token.
    pub review: Option<Result<&'a Review, Undecided>>,
    /// Whether the role's selector selects the reviewed namespace's labels.
    pub selected: Option<Result<bool, Undecided>>,
}

/// The outcome, with one named reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The holder is this service account and may act in the role.
    Allow(&'a VerifiedIdentity),
    /// Refused.
    Deny(Deny),
    /// Nobody can tell.
    Undecided(Undecided),
}

/// The one fact that is missing before the decision can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// Whether the token was signed by one of the mount's keys.
    Signature,
    /// The API server's review.
    Review,
    /// Whether the role's selector selects the labels of this reviewed namespace.
    Selection(&'a str),
}

/// The audience that the token must have: the role's, else the default.
pub fn demanded_audience<'a>(role: &'a Role, default: Option<&'a str>) -> Option<&'a str> {
    if role.audience.is_empty() { default } else { Some(&role.audience) }
}

/// Decides from a role and evidence, in the reference's order, or names the one fact that it lacks.
///
/// Total and pure: the same case, role and evidence give the same answer, and unverified facts alone never allow.
/// Every check that was made is told to `trail`, with what it saw.
///
/// # Errors
/// What is needed next. With all three pieces of evidence given there is always a verdict.
pub fn decide<'a>(
    case: &Case<'a>,
    role: &'a Role,
    evidence: &Evidence<'a>,
    trail: &mut impl Trail,
) -> Result<Verdict<'a>, Needs<'a>> {
    match refusal(case, role, evidence, trail) {
        Ok(verdict) => Ok(verdict),
        Err(Stop::Deny(deny)) => Ok(Verdict::Deny(deny)),
        Err(Stop::Undecided(undecided)) => Ok(Verdict::Undecided(undecided)),
        Err(Stop::Needs(needs)) => Err(needs),
    }
}

/// Why the checks end before the last one.
enum Stop<'a> {
    Deny(Deny),
    Undecided(Undecided),
    Needs(Needs<'a>),
}

fn refusal<'a>(
    case: &Case<'a>,
    role: &'a Role,
    evidence: &Evidence<'a>,
    trail: &mut impl Trail,
) -> Result<Verdict<'a>, Stop<'a>> {
    let mut check = Checker { trail };

    let bound = &role.token.bound_cidrs;
    let near = bound.is_empty() || case.peer.is_some_and(|peer| bound.iter().any(|cidr| cidr.contains(peer)));
    check.that(near, CheckName::PeerAddress, Deny::PeerAddress, || {
        case.peer.map_or_else(|| "no address".to_owned(), |peer| peer.to_string())
    })?;
    let Some(config) = case.mount.config.as_deref() else {
        return Err(check.stop(CheckName::Configuration, Deny::NotConfigured, || "none".to_owned()));
    };
    check.passed(CheckName::Configuration, || config.kubernetes_host.clone());
    let token = match case.token {
        Ok(token) if token.blanks && config.pem_keys.is_empty() => {
            return Err(check.stop(CheckName::Token, Deny::MalformedToken, || "blanks in it".to_owned()));
        }
        Ok(token) => token,
        Err(deny) => return Err(check.stop(CheckName::Token, *deny, || "not read".to_owned())),
    };
    check.passed(CheckName::Token, || format!("{} bytes", token.raw.len()));
    proof_by_signature(config, token, evidence, &mut check)?;
    own_word(case, role, config, token, &mut check)?;
    reviewed(role, token, evidence, &mut check)
}

/// Algorithm and, where the mount has keys, signature.
fn proof_by_signature<'a, T: Trail>(
    config: &MountConfig,
    token: &UnverifiedToken<'_>,
    evidence: &Evidence<'_>,
    check: &mut Checker<'_, T>,
) -> Result<(), Stop<'a>> {
    let keyed = !config.pem_keys.is_empty();
    match token.algorithm {
        // With keys an empty signature is one that no key made.
        Err(Deny::NotSigned) if keyed => {
            return Err(check.stop(CheckName::Signature, Deny::Signature, || "empty".to_owned()));
        }
        Err(deny) => return Err(check.stop(CheckName::Algorithm, deny, || "not taken".to_owned())),
        Ok(algorithm) => check.passed(CheckName::Algorithm, || format!("{algorithm:?}")),
    }
    if !keyed {
        return Ok(());
    }
    let signed = evidence.signed.ok_or(Stop::Needs(Needs::Signature))?;
    check.that(signed && !token.extended, CheckName::Signature, Deny::Signature, || {
        format!("by one of {} keys: {signed}", config.pem_keys.len())
    })
}

/// What the token says of itself. It may only deny.
fn own_word<'a, T: Trail>(
    case: &Case<'_>,
    role: &Role,
    config: &MountConfig,
    token: &UnverifiedToken<'_>,
    check: &mut Checker<'_, T>,
) -> Result<(), Stop<'a>> {
    let claims = &token.claims;
    let issued = config.demanded_issuer().is_none_or(|issuer| issuer == claims.issuer);
    check.that(issued, CheckName::Issuer, Deny::Issuer, || claims.issuer.clone())?;
    let meant = demanded_audience(role, case.default_audience)
        .is_none_or(|demanded| claims.audiences.iter().any(|audience| audience == demanded));
    check.that(meant, CheckName::Audience, Deny::Audience, || claims.audiences.join(","))?;
    let times = check_times(claims, case.now);
    check.that(times.is_ok(), CheckName::Times, times.err().unwrap_or(Deny::Expired), || {
        format!("nbf {} exp {} iat {} now {}", claims.not_before, claims.expires, claims.issued_at, case.now)
    })?;
    check.that(!claims.faulty, CheckName::Claims, Deny::Claims, || "types and keys".to_owned())?;
    let named = any_fits(&role.bound_service_account_names, &claims.name);
    check.that(named, CheckName::ServiceAccountName, Deny::ServiceAccountName, || claims.name.clone())?;
    let bound = any_fits(&role.bound_service_account_namespaces, &claims.namespace)
        || role.bound_service_account_namespace_selector.is_some();
    check.that(bound, CheckName::Namespace, Deny::Namespace, || claims.namespace.clone())?;
    let (alias, deny) = match role.alias_name_source {
        AliasNameSource::Uid => (!claims.uid.is_empty(), Deny::ClaimsWithoutUid),
        AliasNameSource::Name => {
            (!claims.namespace.is_empty() && !claims.name.is_empty(), Deny::ClaimsWithoutName)
        }
    };
    check.that(alias, CheckName::Claims, deny, || "what the alias needs".to_owned())
}

/// What the API server says, against the token's word and the role.
fn reviewed<'a, T: Trail>(
    role: &Role,
    token: &UnverifiedToken<'_>,
    evidence: &Evidence<'a>,
    check: &mut Checker<'_, T>,
) -> Result<Verdict<'a>, Stop<'a>> {
    let identity = match evidence.review.ok_or(Stop::Needs(Needs::Review))? {
        Ok(Review::Confirmed(identity)) => identity,
        Ok(Review::Refused(deny)) => {
            return Err(check.stop(CheckName::Review, *deny, || "refused".to_owned()));
        }
        Err(undecided) => {
            check.trail.saw(CheckName::Review, false, || undecided.name().to_owned());
            return Err(Stop::Undecided(undecided));
        }
    };
    let claims = &token.claims;
    // Nobody without a uid is confirmed, not even by an API server that knows none either.
    let same = !claims.uid.is_empty()
        && identity.name() == claims.name
        && identity.uid() == claims.uid
        && identity.namespace() == claims.namespace;
    check.that(same, CheckName::Review, Deny::IdentityMismatch, || format!("{identity:?}"))?;
    if !any_fits(&role.bound_service_account_namespaces, identity.namespace()) {
        let selected = evidence.selected.ok_or(Stop::Needs(Needs::Selection(identity.namespace())))?;
        let selected = selected.map_err(|undecided| {
            check.trail.saw(CheckName::NamespaceLabels, false, || undecided.name().to_owned());
            Stop::Undecided(undecided)
        })?;
        check.that(selected, CheckName::NamespaceLabels, Deny::Namespace, || {
            identity.namespace().to_owned()
        })?;
    }
    Ok(Verdict::Allow(identity))
}

struct Checker<'t, T> {
    trail: &'t mut T,
}

impl<T: Trail> Checker<'_, T> {
    /// Notes a check and stops where it does not hold.
    fn that<'a>(
        &mut self,
        holds: bool,
        name: CheckName,
        deny: Deny,
        saw: impl FnOnce() -> String,
    ) -> Result<(), Stop<'a>> {
        self.trail.saw(name, holds, saw);
        if holds { Ok(()) } else { Err(Stop::Deny(deny)) }
    }

    fn passed(&mut self, name: CheckName, saw: impl FnOnce() -> String) {
        self.trail.saw(name, true, saw);
    }

    fn stop<'a>(&mut self, name: CheckName, deny: Deny, saw: impl FnOnce() -> String) -> Stop<'a> {
        self.trail.saw(name, false, saw);
        Stop::Deny(deny)
    }
}

#[cfg(test)]
mod tests;
