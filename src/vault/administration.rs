//! Administration by the RBAC of rolegate's own cluster: whose Kubernetes token it is, and whether that user may.

mod entry;
mod table;

use std::sync::Arc;

pub(super) use entry::Entry;

use super::admit::{denied, unknown};
use super::call::{Call, Terms};
use super::kubernetes::{nobody_can_tell, policies_of_write};
use super::outcome::{Class, Refusal};
use super::request::Request;
use super::route::Route;
use super::sys::policies::DEFAULT;
use crate::core::reason::{Deny, Undecided};
use crate::core::token::{UnverifiedToken, check_times};
use crate::ports::administrators::{AUDIENCE, Administrators, GROUP, Resource, Right, User, Verb};
use entry::Step;
pub(super) use table::Declared;
use table::Needed;

/// The most policies of a role that a Kubernetes user writes, each of which is asked for.
const MAX_POLICIES: usize = 64;

/// The most objects that one deletion takes away with a Kubernetes user's rights.
const MAX_OBJECTS: usize = 64;

/// The administrators that a cluster knows; none where there is no such cluster.
#[derive(Debug, Default)]
pub(super) struct Administration(Option<Arc<dyn Administrators>>);

impl Administration {
    pub(super) const fn new(administrators: Option<Arc<dyn Administrators>>) -> Self {
        Self(administrators)
    }

    /// The caller's token where it is a Kubernetes token by its look, and there is a cluster to ask about it. No client
    /// token is one: a JWT begins with a JSON object in base64url.
    pub(super) fn token<'a>(&self, request: &'a Request) -> Option<UnverifiedToken<'a>> {
        self.0.as_ref()?;
        UnverifiedToken::parse(request.token.as_ref()?.expose()).ok()
    }

    /// What the caller may do, for just this request. `now` in seconds since 1970; what is found on the way goes into
    /// `entry`.
    pub(super) async fn admit(
        &self,
        request: &Request,
        declared: &Declared<'_>,
        route: Option<&Route<'_>>,
        token: &UnverifiedToken<'_>,
        now: i64,
        entry: &mut Entry,
    ) -> Result<Terms, Refusal> {
        let Some(administrators) = self.0.as_deref() else { return Err(unknown(route)) };
        let asking = Asking { administrators, request };
        if let Err(deny) = check(token, now) {
            entry.step = Step::Refused(deny);
            return Err(unknown(route));
        }
        let known = administrators.who(token.raw, request.deadline).await;
        let Some(user) = known.map_err(|undecided| entry.undecided(undecided))? else {
            entry.step = Step::Refused(Deny::TokenRefused);
            return Err(unknown(route));
        };
        entry.user = Some(Arc::clone(&user));
        let Some(Needed { right, also, creates }) =
            route.and_then(|route| table::needed(declared, request.operation, route))
        else {
            entry.step = Step::Unmapped;
            return Err(denied().listed());
        };
        entry.right = Some(right.clone());
        let more = also.into_iter().map(|object| Right { object, ..right.clone() });
        for (asked, right) in std::iter::once(right.clone()).chain(more).enumerate() {
            if asked >= MAX_OBJECTS || !asking.may(&user, &right, entry).await? {
                (entry.step, entry.right) = (Step::Denied, Some(right));
                return Err(denied().listed());
            }
        }
        let policies = match route {
            Some(Route::Kubernetes(mount, path)) => {
                let policies = policies_of_write(&Call { request, mount, path, terms: None })?;
                asking.may_bind(&user, declared, &policies, entry).await?;
                policies
            }
            _ => Vec::new(),
        };
        entry.step = Step::Allowed;
        Ok(Terms { creates, policies })
    }
}

/// One request's questions to the cluster.
struct Asking<'a> {
    administrators: &'a dyn Administrators,
    request: &'a Request,
}

impl Asking<'_> {
    async fn may(&self, user: &User, right: &Right, entry: &mut Entry) -> Result<bool, Refusal> {
        let answer = self.administrators.may(user, right, self.request.deadline).await;
        answer.map_err(|undecided| entry.undecided(undecided))
    }

    /// Whether the user may hand out each of these policies by a role. Every login has `default` anyway.
    async fn may_bind(
        &self,
        user: &User,
        declared: &Declared<'_>,
        policies: &[String],
        entry: &mut Entry,
    ) -> Result<(), Refusal> {
        if policies.len() > MAX_POLICIES {
            let error = format!("a role with more than {MAX_POLICIES} policies takes a client token");
            return Err(Refusal::new(Class::Invalid, error));
        }
        for policy in policies.iter().filter(|policy| *policy != DEFAULT) {
            let object = table::object_of_policy(declared, policy);
            let right = Right { verb: Verb::Bind, resource: Resource::Policies, object };
            if !self.may(user, &right, entry).await? {
                let error = format!(
                    "a role that hands out the policy {policy:?} takes the verb `{}` on `{}.{GROUP}/{}`",
                    right.verb.name(),
                    right.resource.name(),
                    right.object
                );
                (entry.step, entry.right) = (Step::Denied, Some(right));
                return Err(Refusal::new(Class::Denied, error).listed());
            }
        }
        Ok(())
    }
}

/// What the token's own word is enough for: refusals that cost no question.
fn check(token: &UnverifiedToken<'_>, now: i64) -> Result<(), Deny> {
    token.algorithm?;
    if token.blanks {
        return Err(Deny::MalformedToken);
    }
    if token.claims.faulty {
        return Err(Deny::Claims);
    }
    if !token.claims.audiences.iter().any(|audience| audience == AUDIENCE) {
        return Err(Deny::Audience);
    }
    check_times(&token.claims, now)
}

impl Entry {
    fn undecided(&mut self, undecided: Undecided) -> Refusal {
        self.step = Step::Undecided(undecided);
        nobody_can_tell(undecided)
    }
}
