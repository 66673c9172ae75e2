//! A client token of a login in the place of the service-account token: the role as it is now decides again.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Decision, Gate, Grant, Outcome};
use crate::core::client_token::Login;
use crate::core::decision::{
    Account, Deduplicated, Failure, NoObserver, RequestOrigin, StoredIdentity, admits_observed,
};
use crate::core::identity::Review;
use crate::core::mount::Mount;
use crate::core::reason::{Deny, Undecided};
use crate::ports::Verify;

impl<V: Verify> Gate<V> {
    /// Whether a login that this mount has confirmed at `confirmed` (seconds since 1970) may act in one of these roles: in
    /// its own, if it is among them and still admits the identity from where the request comes, and the service account
    /// is not known to be gone.
    pub fn readmit(
        &self,
        mount: &str,
        roles: &[&str],
        login: &Login,
        confirmed: i64,
        peer: Option<IpAddr>,
    ) -> Decision {
        let mount = match self.snapshot.load().as_deref() {
            None => return Decision::new(None, Outcome::Undecided(Undecided::NotLoaded)),
            Some(snapshot) => snapshot.mount(mount).cloned(),
        };
        let Some(mount) = mount else {
            return Decision::new(None, Outcome::Deny(Deny::UnknownMount));
        };
        let is_gone = || self.gone.as_ref().is_some_and(|gone| gone.is_gone(&mount, &login.uid, confirmed));
        let mut failure = None;
        let outcome = match again(&mount, roles, login, is_gone, peer, &mut failure) {
            Ok(grant) => Outcome::Allow(grant),
            Err(deny) => Outcome::Deny(deny),
        };
        Decision { failure, ..Decision::new(Some(Arc::clone(&mount.path)), outcome) }
    }
}

fn again(
    mount: &Arc<Mount>,
    roles: &[&str],
    login: &Login,
    is_gone: impl FnOnce() -> bool,
    peer: Option<IpAddr>,
    failure: &mut Option<Box<Failure>>,
) -> Result<Grant, Deny> {
    let own = login.stored_role();
    if *mount.about.accessor != *login.mount_accessor || !roles.iter().any(|role| role.to_lowercase() == own)
    {
        return Err(Deny::ClientToken);
    }
    let role = mount.role(&own).ok_or(Deny::UnknownRole)?;
    let Login { namespace, name, .. } = login;
    let identity = StoredIdentity { namespace, name, labels: login.labels.as_ref(), is_gone: is_gone() };
    let mut none = NoObserver;
    let mut observer = Deduplicated::new(&mut none);
    if let Err(deny) = admits_observed(role, &identity, RequestOrigin::Peer(peer), &mut observer) {
        *failure = observer.into_failed().map(|check| {
            let account = Some(Account::verified(namespace, name));
            Box::new(Failure { role: Some(own), check, account })
        });
        return Err(deny);
    }
    let review = Review::of_login(&login.namespace, &login.name, &login.uid);
    Ok(Grant::new(mount, role, &Arc::new(review)))
}
