//! A client token of the Vault door where a service-account token is expected.

use std::net::IpAddr;

use super::door::EnvoyDoor;
use super::request::RequestView;
use super::role_choice::RoleChoice;
use super::{client_address, refusal};
use crate::core::cidr::BoundCidr;
use crate::core::client_token::Login;
use crate::core::decision::{Account, CheckName, Details, Failure, list};
use crate::core::reason::{Deny, Undecided};
use crate::errors::with_causes;
use crate::gate::{Decision, Outcome};
use crate::ports::Verify;
use crate::tokens::TokensError;

impl<V: Verify> EnvoyDoor<V> {
    /// Decides over a client token: it is good, it is that of a login at the route's mount in one of the route's
    /// roles, and that role as it is now admits who has logged in. An allow takes a use, where these are counted.
    pub(super) async fn by_client_token(
        &self,
        view: RequestView<'_>,
        token: &str,
        choice: &RoleChoice<'_>,
    ) -> Decision {
        let Some(tokens) = &self.client_tokens else {
            return refusal::client_token("a client token, and `client_tokens` is off");
        };
        let found = match tokens.find(token).await {
            Ok(Some(found)) => found,
            Ok(None) => return refusal::client_token(UNKNOWN),
            Err(error) => return store_away(&error),
        };
        let peer = client_address::find(view, self.settings.client_address);
        let Some(login) = found.record.login.as_ref().filter(|_| !found.record.is_root()) else {
            return refusal::client_token("a client token that comes from no login");
        };
        if !found.record.admits(peer) {
            return from_elsewhere(peer, &found.record.bound_cidrs, login);
        }
        let decision = self.gate.readmit(choice.mount, &choice.roles, login, found.record.created, peer);
        let Outcome::Allow(grant) = decision.outcome else { return with_account(decision, login) };
        let mount = decision.mount;
        match tokens.use_found(found).await {
            Ok(Some(used)) => {
                if used.is_last
                    && let Err(error) = tokens.finish(&used).await
                {
                    tracing::warn!(error = with_causes(&error), "a used-up token stays until it expires");
                }
            }
            Ok(None) => return refusal::client_token(UNKNOWN),
            Err(error) => return store_away(&error),
        }
        // One review for each identity, so that encoded answers are found again.
        let grant = match grant.identity() {
            Some(identity) => {
                let review =
                    self.identities.get_with_by_ref(identity, || std::sync::Arc::clone(grant.review()));
                grant.with_review(review)
            }
            None => grant,
        };
        Decision::new(mount, Outcome::Allow(grant))
    }
}

/// What a token shows that is not known, or not any more.
const UNKNOWN: &str = "a client token that does not exist, or not any more";

/// The token's own CIDRs do not hold the address.
fn from_elsewhere(peer: Option<IpAddr>, bound: &[BoundCidr], login: &Login) -> Decision {
    let saw = peer.map_or_else(|| "no address".to_owned(), |peer| peer.to_string());
    let details = Details::verified(saw, list(bound.iter().map(ToString::to_string)));
    with_account(refusal::denied(Deny::PeerAddress, CheckName::PeerAddress, details), login)
}

/// The denial of a login, with whose it is.
fn with_account(decision: Decision, login: &Login) -> Decision {
    let Decision { mount, outcome, failure } = decision;
    let failure = failure.or_else(|| match outcome {
        Outcome::Deny(Deny::ClientToken) => {
            refusal::client_token("a client token of a login at another mount, or in another role").failure
        }
        _ => None,
    });
    let account = || Some(Account::verified(&login.namespace, &login.name));
    let failure =
        failure.map(|failure| Box::new(Failure { account: failure.account.or_else(account), ..*failure }));
    Decision { mount, outcome, failure }
}

fn store_away(error: &TokensError) -> Decision {
    tracing::warn!(error = with_causes(error), "a client token could not be looked up");
    Decision::new(None, Outcome::Undecided(Undecided::StoreUnavailable))
}
