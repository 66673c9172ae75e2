//! A client token of the Vault door where a service-account token is expected.

use super::door::EnvoyDoor;
use super::request::RequestView;
use super::{client_address, role_choice};
use crate::core::reason::{Deny, Undecided};
use crate::errors::with_causes;
use crate::gate::{Decision, Outcome};
use crate::ports::Verify;
use crate::tokens::TokensError;

impl<V: Verify> EnvoyDoor<V> {
    /// Decides over a client token: it is good, it is that of a login at the route's mount in one of the route's
    /// roles, and that role as it is now admits who has logged in. An allow takes a use, where these are counted.
    pub(super) async fn by_client_token(&self, view: RequestView<'_>, token: &str) -> Decision {
        let refused = |deny| Decision::new(None, Outcome::Deny(deny));
        let choice = match role_choice::choose(view, &self.settings.routes, &self.settings.default) {
            Ok(choice) => choice,
            Err(deny) => return refused(deny),
        };
        let Some(tokens) = &self.client_tokens else { return refused(Deny::ClientToken) };
        let found = match tokens.find(token).await {
            Ok(Some(found)) => found,
            Ok(None) => return refused(Deny::ClientToken),
            Err(error) => return store_away(&error),
        };
        let peer = client_address::find(view, self.settings.client_address);
        let Some(login) = found.record.login.as_ref().filter(|_| !found.record.is_root()) else {
            return refused(Deny::ClientToken);
        };
        if !found.record.admits(peer) {
            return refused(Deny::PeerAddress);
        }
        let decision = self.gate.readmit(choice.mount, &choice.roles, login, found.record.created, peer);
        let Outcome::Allow(grant) = decision.outcome else { return decision };
        let mount = decision.mount;
        match tokens.use_found(found).await {
            Ok(Some(used)) => {
                if used.is_last
                    && let Err(error) = tokens.finish(&used).await
                {
                    tracing::warn!(error = with_causes(&error), "a used-up token stays until it expires");
                }
            }
            Ok(None) => return refused(Deny::ClientToken),
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

fn store_away(error: &TokensError) -> Decision {
    tracing::warn!(error = with_causes(error), "a client token could not be looked up");
    Decision::new(None, Outcome::Undecided(Undecided::StoreUnavailable))
}
