//! Why a decision is no allow: the check that failed, and whose token it was.

use super::checks::Check;
use super::shown::shown;
use crate::core::identity::VerifiedIdentity;
use crate::core::token::UnverifiedClaims;

/// The check that did not pass, of the role whose outcome is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The role's name; none where no role was looked at.
    pub role: Option<String>,
    /// The check.
    pub check: Check,
    /// Whose token it was, as far as that is known.
    pub account: Option<Account>,
}

/// A service account as logs show it: bounded, escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `namespace/name`
    pub text: String,
    /// The API server has confirmed it; else only the token says so.
    pub verified: bool,
}

impl Account {
    /// What an API server has confirmed.
    pub fn verified(namespace: &str, name: &str) -> Self {
        Self { text: shown(&[namespace, "/", name].concat()), verified: true }
    }

    /// The account of a token: verified where a review confirms what the token says of itself. None where neither says
    /// anything.
    pub fn of_token(claims: &UnverifiedClaims, confirmed: Option<&VerifiedIdentity>) -> Option<Self> {
        let UnverifiedClaims { namespace, name, uid, .. } = claims;
        let same = confirmed.is_some_and(|identity| {
            (identity.namespace(), identity.name(), identity.uid()) == (namespace, name, uid)
        });
        match (namespace.is_empty() && name.is_empty(), same) {
            (true, _) => None,
            (false, true) => Some(Self::verified(namespace, name)),
            (false, false) => {
                let text = [shown(namespace), shown(name)].join("/");
                Some(Self { text, verified: false })
            }
        }
    }
}
