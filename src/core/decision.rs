//! The one decision that both doors share.

mod checks;
mod failure;
mod own_word;
mod reviewed;
mod shown;
mod stored;

use std::collections::BTreeMap;
use std::net::IpAddr;

use checks::Checker;
pub use checks::{Check, CheckName, CheckObserver, Checks, Deduplicated, Details, NoObserver};
pub use failure::{Account, Failure};
pub use shown::{list, shown};
pub use stored::{RequestOrigin, StoredIdentity, admits, admits_observed};

use super::cidr::BoundCidr;
use super::identity::{Review, VerifiedIdentity};
use super::jwks::LocalSignature;
use super::mount::{Mount, MountConfig};
use super::reason::{Deny, Undecided};
use super::role::Role;
use super::token::UnverifiedToken;

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
    /// What the keys that the API server publishes say, where the mount has none of its own. [`LocalSignature::Unknown`]
    /// where they are not to deny.
    pub published: Option<LocalSignature>,
    /// What the API server says of the token.
    pub review: Option<Result<&'a Review, Undecided>>,
    /// Whether the role's selector selects the reviewed namespace's labels.
    pub selected: Option<Result<bool, Undecided>>,
    /// These labels, which are only shown.
    pub labels: Option<&'a BTreeMap<String, String>>,
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
    /// What published keys say of the token's signature.
    PublishedSignature,
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
/// Every check that is made is passed to `observer`.
///
/// # Errors
/// What is needed next. With all pieces of evidence given there is always a verdict.
pub fn decide<'a>(
    case: &Case<'a>,
    role: &'a Role,
    evidence: &Evidence<'a>,
    observer: &mut impl CheckObserver,
) -> Result<Verdict<'a>, Needs<'a>> {
    match refusal(case, role, evidence, observer) {
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
    observer: &mut impl CheckObserver,
) -> Result<Verdict<'a>, Stop<'a>> {
    let mut check = Checker::new(observer);

    let bound = &role.token.bound_cidrs;
    check.that(is_near(bound, case.peer), CheckName::PeerAddress, Deny::PeerAddress, || {
        address_details(bound, case.peer)
    })?;
    let Some(config) = case.mount.config.as_deref() else {
        return Err(check.stop(CheckName::Configuration, Deny::NotConfigured, || {
            Details::verified("none", "a configuration of the mount")
        }));
    };
    check.passed(CheckName::Configuration, || {
        Details::verified(shown(&config.kubernetes_host), "a configuration of the mount")
    });
    let token = match case.token {
        Ok(token) if token.blanks && config.pem_keys.is_empty() => {
            return Err(check.stop(CheckName::Token, Deny::MalformedToken, || {
                Details::verified("a token with blanks in it", A_TOKEN)
            }));
        }
        Ok(token) => token,
        Err(deny) => return Err(check.stop(CheckName::Token, *deny, || unread_details(*deny))),
    };
    check.passed(CheckName::Token, || Details::verified(format!("{} bytes", token.raw.len()), A_TOKEN));
    proof_by_signature(config, token, evidence, &mut check)?;
    own_word::check(case, role, config, token, evidence, &mut check)?;
    reviewed::check(role, token, evidence, &mut check)
}

/// What counts as a token.
const A_TOKEN: &str = "one compact JWS of at most 256 KiB";

/// What a source held instead of a token that can be read.
fn unread_details(deny: Deny) -> Details {
    let saw = match deny {
        Deny::NoToken => "no token",
        Deny::AmbiguousToken => "more than one token",
        _ => "no compact JWS",
    };
    Details::verified(saw, A_TOKEN)
}

/// Whether the role's CIDRs, if it has any, hold the address.
fn is_near(bound: &[BoundCidr], peer: Option<IpAddr>) -> bool {
    bound.is_empty() || peer.is_some_and(|peer| bound.iter().any(|cidr| cidr.contains(peer)))
}

fn address_details(bound: &[BoundCidr], peer: Option<IpAddr>) -> Details {
    let saw = peer.map_or_else(|| "no address".to_owned(), |peer| peer.to_string());
    let expected =
        if bound.is_empty() { "any address".to_owned() } else { list(bound.iter().map(ToString::to_string)) };
    Details::verified(saw, expected)
}

/// Algorithm and signature, by the mount's keys or else by published ones.
fn proof_by_signature<'a, T: CheckObserver>(
    config: &MountConfig,
    token: &UnverifiedToken<'_>,
    evidence: &Evidence<'_>,
    check: &mut Checker<'_, T>,
) -> Result<(), Stop<'a>> {
    let keys = config.pem_keys.len();
    let by_a_key = |saw: &str| Details::verified(saw, format!("made by one of {keys} `pem_keys`"));
    let algorithm = || {
        let name = token.algorithm_name().map_or_else(|| "none".to_owned(), |name| shown(&name));
        Details::unverified(name, "RS, PS or ES with 256, 384 or 512")
    };
    match token.algorithm {
        // With keys an empty signature is one that no key made.
        Err(Deny::NotSigned) if keys > 0 => {
            return Err(check.stop(CheckName::Signature, Deny::Signature, || by_a_key("empty")));
        }
        Err(Deny::NotSigned) => {
            return Err(check.stop(CheckName::Algorithm, Deny::NotSigned, || {
                Details::unverified("an empty signature", "a signed token")
            }));
        }
        Err(deny) => return Err(check.stop(CheckName::Algorithm, deny, algorithm)),
        Ok(_) => check.passed(CheckName::Algorithm, algorithm),
    }
    if keys == 0 {
        return match evidence.published.ok_or(Stop::Needs(Needs::PublishedSignature))? {
            LocalSignature::Unknown => Ok(()),
            known => {
                let is_proven = known == LocalSignature::Proven;
                check.that(is_proven, CheckName::Signature, Deny::Signature, || {
                    let saw = if is_proven { "made by it" } else { "not made by it" };
                    Details::verified(saw, "made by the published key that `kid` names")
                })
            }
        };
    }
    let signed = evidence.signed.ok_or(Stop::Needs(Needs::Signature))?;
    check.that(signed && !token.extended, CheckName::Signature, Deny::Signature, || {
        by_a_key(match (signed, token.extended) {
            (_, true) => "a header with `crit` or `b64`",
            (true, false) => "made by one of them",
            (false, false) => "made by none of them",
        })
    })
}

#[cfg(test)]
mod tests;
