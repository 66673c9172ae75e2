//! The use case that both doors share: gather what `decide` asks for, and act on its answer.

mod outcome;
mod readmit;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use smallvec::SmallVec;

use crate::core::decision::{
    Account, Case, CheckObserver, Deduplicated, Evidence, Failure, Needs, Verdict, decide, demanded_audience,
};
use crate::core::identity::Review;
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::reason::{Deny, Undecided};
use crate::core::review_key::ReviewKey;
pub use crate::core::role::MAX_ROLES;
use crate::core::role::Role;
use crate::core::token::UnverifiedToken;
use crate::ports::gone::Gone;
use crate::ports::{Caller, Clock, Freshness, Labels, ReviewQuery, Verify};
pub use outcome::{Decision, Grant, Outcome};

/// What a door asks.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The mount's path.
    pub mount: &'a str,
    /// The roles' names, any of which will do, at most [`MAX_ROLES`].
    pub roles: &'a [&'a str],
    /// The token as read, or why it could not be.
    pub token: &'a Result<UnverifiedToken<'a>, Deny>,
    /// Where the request comes from, if that is known.
    pub peer: Option<IpAddr>,
    /// The audience asked of tokens whose role has none of its own.
    pub default_audience: Option<&'a str>,
    /// Whether a remembered review will do.
    pub freshness: Freshness,
    /// Who asks, and until when; all that is asked for it shares this time.
    pub caller: Caller,
}

/// The gate over one published snapshot and one verifier.
#[derive(Debug)]
pub struct Gate<V> {
    snapshot: Arc<ArcSwapOption<Snapshot>>,
    verifier: V,
    clock: Arc<dyn Clock>,
    gone: Option<Arc<dyn Gone>>,
}

impl<V: Verify> Gate<V> {
    /// A gate that reads what is published in `snapshot`.
    pub fn new(snapshot: Arc<ArcSwapOption<Snapshot>>, verifier: V, clock: Arc<dyn Clock>) -> Self {
        Self { snapshot, verifier, clock, gone: None }
    }

    /// The same, and a login whose service account is known to be gone does not count any more.
    #[must_use]
    pub fn with_gone(self, gone: Arc<dyn Gone>) -> Self {
        Self { gone: Some(gone), ..self }
    }

    /// Decides. Reads one snapshot for the whole ask; waits only for a review that is not remembered.
    pub async fn ask(&self, ask: &Ask<'_>, observer: &mut (impl CheckObserver + Send)) -> Decision {
        // The whole snapshot is not kept over a wait: a review may take seconds.
        let mount = match self.snapshot.load().as_deref() {
            None => return Decision::new(None, Outcome::Undecided(Undecided::NotLoaded)),
            Some(snapshot) => snapshot.mount(ask.mount).cloned(),
        };
        let Some(mount) = mount else {
            return Decision::new(None, Outcome::Deny(Deny::UnknownMount));
        };
        let (outcome, failure) = self.any_role(ask, &mount, observer).await;
        Decision { failure, ..Decision::new(Some(Arc::clone(&mount.path)), outcome) }
    }

    /// The first role that allows wins; else undecided if any is; else the first role's denial.
    async fn any_role(
        &self,
        ask: &Ask<'_>,
        mount: &Arc<Mount>,
        observer: &mut (impl CheckObserver + Send),
    ) -> Judged {
        let mut worst: Option<Judged> = None;
        let mut found = Found::default();
        for name in ask.roles.iter().take(MAX_ROLES) {
            let judged = match mount.role(name) {
                Some(role) => self.one_role(ask, mount, role, &mut found, observer).await,
                None => (Outcome::Deny(Deny::UnknownRole), None),
            };
            match (&judged.0, &worst) {
                (Outcome::Allow(_), _) => return judged,
                (_, None) | (Outcome::Undecided(_), Some((Outcome::Deny(_), _))) => worst = Some(judged),
                _ => {}
            }
        }
        worst.unwrap_or((Outcome::Deny(Deny::NoRole), None))
    }

    async fn one_role(
        &self,
        ask: &Ask<'_>,
        mount: &Arc<Mount>,
        role: &Arc<Role>,
        found: &mut Found,
        observer: &mut (impl CheckObserver + Send),
    ) -> Judged {
        let case = Case {
            mount,
            token: ask.token,
            peer: ask.peer,
            default_audience: ask.default_audience,
            now: self.clock.unix_now(),
        };
        let audiences = audiences(ask, role);
        let query = ask.token.as_ref().ok().map(|token| {
            let expires = (token.claims.expires != 0).then_some(token.claims.expires);
            ReviewQuery::new(mount, token.raw, expires, &audiences).of(&token.claims)
        });
        let mut facts = Facts::default();
        let mut observer = Deduplicated::new(observer);
        match (&query, ask.freshness) {
            (Some(query), Freshness::Cached) => {
                // Remembered under this generation means that its signature was good.
                facts.review = self.verifier.remembered(query).map(Ok);
                facts.signed = facts.review.as_ref().map(|_| true);
                facts.published = facts.review.as_ref().map(|_| LocalSignature::Unknown);
            }
            // The Vault door answers as the reference does, which knows of no published keys.
            (_, Freshness::Fresh) => facts.published = Some(LocalSignature::Unknown),
            (None, Freshness::Cached) => {}
        }
        loop {
            observer.begin();
            let outcome = match decide(&case, role, &facts.evidence(), &mut observer) {
                Err(needs) => Err(needs),
                Ok(Verdict::Deny(deny)) => Ok(Outcome::Deny(deny)),
                Ok(Verdict::Undecided(undecided)) => Ok(Outcome::Undecided(undecided)),
                Ok(Verdict::Allow(_)) => return (facts.grant(mount, role), None),
            };
            let needs = match outcome {
                Err(needs) => needs,
                Ok(outcome) => return (outcome, facts.failure(ask, role, observer)),
            };
            match (needs, ask.token, &query) {
                (Needs::Signature, Ok(token), _) => {
                    facts.signed =
                        Some(*found.signed.get_or_insert_with(|| self.verifier.signed(mount, token)));
                }
                (Needs::PublishedSignature, Ok(token), _) => {
                    let said =
                        found.published.get_or_insert_with(|| self.verifier.local_signature(mount, token));
                    facts.published = Some(*said);
                }
                (Needs::Review, _, Some(query)) => {
                    // At the Vault door it decides about turns alone, and costs as much as the rest of a login.
                    let counts = ask.freshness == Freshness::Cached || self.verifier.is_contended(mount);
                    let signature = match (facts.signed, ask.token) {
                        (Some(true), _) => LocalSignature::Proven,
                        (_, Ok(token)) if counts => *found
                            .published
                            .get_or_insert_with(|| self.verifier.local_signature(mount, token)),
                        _ => LocalSignature::Unknown,
                    };
                    let query = query.with_signature(signature);
                    let review = match found.review(query.key()) {
                        Some(review) => review,
                        None => {
                            let review = self.verifier.review(query, ask.freshness, &ask.caller).await;
                            found.reviews.push((query.key(), review.clone()));
                            review
                        }
                    };
                    facts.review = Some(review);
                }
                (Needs::Selection(namespace), _, _) => {
                    let namespace = namespace.to_owned();
                    let labels = match found.labels(&namespace) {
                        Some(labels) => labels,
                        None => {
                            let asked =
                                self.verifier.namespace_labels(mount, &namespace, ask.freshness, &ask.caller);
                            let labels = asked.await;
                            found.labels.push((namespace, labels.clone()));
                            labels
                        }
                    };
                    facts.selected = Some(labels.map(|labels| {
                        let selected = selects(role, &labels);
                        facts.labels = Some(labels);
                        selected
                    }));
                }
                // `decide` asks for proof only of a token that it has read.
                (_, _, _) => return (Outcome::Deny(Deny::MalformedToken), None),
            }
        }
    }
}

type Reviewed = Result<Arc<Review>, Undecided>;

/// The outcome of one role, and the check that failed.
type Judged = (Outcome, Option<Box<Failure>>);

/// What was asked for the roles so far, so that an API server that is away is waited for once and not eight times.
#[derive(Debug, Default)]
struct Found {
    signed: Option<bool>,
    published: Option<LocalSignature>,
    reviews: SmallVec<[(ReviewKey, Reviewed); 1]>,
    labels: Vec<(String, Result<Labels, Undecided>)>,
}

impl Found {
    fn review(&self, key: ReviewKey) -> Option<Reviewed> {
        self.reviews.iter().find(|(asked, _)| *asked == key).map(|(_, review)| review.clone())
    }

    fn labels(&self, namespace: &str) -> Option<Result<Labels, Undecided>> {
        self.labels.iter().find(|(asked, _)| asked == namespace).map(|(_, labels)| labels.clone())
    }
}

/// What was gathered for one role.
#[derive(Debug, Default)]
struct Facts {
    signed: Option<bool>,
    published: Option<LocalSignature>,
    review: Option<Reviewed>,
    selected: Option<Result<bool, Undecided>>,
    labels: Option<Labels>,
}

impl Facts {
    fn evidence(&self) -> Evidence<'_> {
        let review = self.review.as_ref().map(|review| review.as_deref().map_err(|undecided| *undecided));
        let labels = match &self.labels {
            Some(Labels::Known(labels)) => Some(&**labels),
            _ => None,
        };
        Evidence { signed: self.signed, published: self.published, review, selected: self.selected, labels }
    }

    fn failure(
        &self,
        ask: &Ask<'_>,
        role: &Role,
        observer: Deduplicated<'_, impl CheckObserver>,
    ) -> Option<Box<Failure>> {
        let check = observer.into_failed()?;
        let confirmed = match &self.review {
            Some(Ok(review)) => review.identity(),
            _ => None,
        };
        let account = ask.token.as_ref().ok().and_then(|token| Account::of_token(&token.claims, confirmed));
        Some(Box::new(Failure { role: Some(role.name.clone()), check, account }))
    }

    fn grant(&self, mount: &Arc<Mount>, role: &Arc<Role>) -> Outcome {
        match &self.review {
            Some(Ok(review)) => {
                let labels = match &self.labels {
                    Some(Labels::Known(labels)) => Some(Arc::clone(labels)),
                    _ => None,
                };
                Outcome::Allow(Grant::new(mount, role, review).with_labels(labels))
            }
            _ => Outcome::Undecided(Undecided::ApiServerError),
        }
    }
}

fn selects(role: &Role, labels: &Labels) -> bool {
    match (&role.bound_service_account_namespace_selector, labels) {
        (Some(selector), Labels::Known(labels)) => selector.selects(labels),
        _ => false,
    }
}

/// What the review is asked for: the demanded audience, else the token's own; sorted, none twice.
fn audiences<'a>(ask: &Ask<'a>, role: &'a Role) -> SmallVec<[&'a str; 4]> {
    let mut audiences: SmallVec<[&str; 4]> = match (demanded_audience(role, ask.default_audience), ask.token)
    {
        (Some(demanded), _) => std::iter::once(demanded).collect(),
        (None, Ok(token)) => token.claims.audiences.iter().map(String::as_str).collect(),
        (None, Err(_)) => SmallVec::new(),
    };
    audiences.sort_unstable();
    audiences.dedup();
    audiences
}

#[cfg(test)]
pub(crate) mod tests;
