//! Proof of tokens: signatures, TokenReviews, and the cache around them.

mod admission;
mod answer;
mod api_server;
mod api_server_health;
mod breaker;
mod client;
mod demand;
mod detached_task;
mod error;
mod home;
mod local_keys;
mod pod_files;
mod proxy;
mod request;
mod resolver;
mod review_cache;
mod reviewer_credential;
mod server_certificate;
mod settings;
mod signature;
mod single_flight;
mod token_reviewer;
mod trust_anchors;

use std::sync::Arc;

pub use pod_files::{LocalCluster, TokenSeen};
pub use settings::{CacheSettings, HomeCluster, Settings};
use single_flight::Since;
use token_reviewer::{TokenReviewer, labels_key};

use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::token::UnverifiedToken;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::gone::Gone;
use crate::ports::{Annotations, Answer, Caller, Clock, Freshness, Inquire, Labels, ReviewQuery, Verify};

/// Asks each mount's own API server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<TokenReviewer>);

impl Verifier {
    /// A verifier that has asked nothing yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics, health: Health) -> Self {
        settings.local.look_for_token();
        Self(Arc::new(TokenReviewer::new(settings, clock, metrics, health)))
    }

    /// To be called when a new set of mounts is published: closes the connections of those that are gone, and reads the
    /// keys that the API servers of new ones publish.
    pub fn keep_only(&self, set: &Snapshot) {
        self.0.keep_only(set);
    }

    /// Waits for the questions that are under way, at most their time-out. No new ones may come.
    pub async fn finished(&self) {
        self.0.finished().await;
    }
}

impl Verify for Verifier {
    fn signed(&self, mount: &Arc<Mount>, token: &UnverifiedToken<'_>) -> bool {
        self.0.api_server(mount).is_some_and(|server| server.keys.signed(token))
    }

    fn is_contended(&self, mount: &Arc<Mount>) -> bool {
        self.0.api_server(mount).is_some_and(|server| server.admission.is_contended())
    }

    fn local_signature(&self, mount: &Arc<Mount>, token: &UnverifiedToken<'_>) -> LocalSignature {
        self.0.local_signature(mount, token)
    }

    fn remembered(&self, query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        let review = self.0.remembered(query)?;
        self.0.metrics.review_cache("hit");
        Some(review)
    }

    fn review<'a>(
        &'a self,
        query: ReviewQuery<'a>,
        freshness: Freshness,
        caller: &'a Caller,
    ) -> Answer<'a, Arc<Review>> {
        Box::pin(async move {
            let (reviewer, want) = (&self.0, self.0.want_review(&query, caller));
            want.not_over()?;
            let since = match freshness {
                Freshness::Fresh => Since::Now,
                Freshness::Cached => reviewer.since(&query),
            };
            let lookup = reviewer.reviews.ask(query.key(), since, want, || reviewer.remembered(&query));
            if freshness == Freshness::Cached {
                reviewer.metrics.review_cache(lookup.name());
            }
            lookup.outcome(|owner| reviewer.start_review(&query, owner)).await
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        namespace: &'a str,
        freshness: Freshness,
        caller: &'a Caller,
    ) -> Answer<'a, Labels> {
        Box::pin(async move {
            let (reviewer, key) = (&self.0, labels_key(mount, namespace));
            if !is_dns_label(namespace) {
                return Ok(Labels::Unknown);
            }
            let watched = || reviewer.watched_labels(mount, namespace);
            if let Some(labels) = (freshness == Freshness::Cached).then(watched).flatten() {
                return Ok(labels);
            }
            // The flow of all who ask for this namespace, which a review has named.
            let want = reviewer.want_object(namespace, "", caller);
            want.not_over()?;
            let since = match freshness {
                Freshness::Cached if reviewer.remembers_labels() => Since::Ever,
                _ => Since::Now,
            };
            let known = || reviewer.remembered_labels.get(&key);
            let lookup = reviewer.labels.ask(key, since, want, known);
            lookup.outcome(|owner| reviewer.start_labels(mount, namespace, owner)).await
        })
    }
}

impl Gone for Verifier {
    fn is_gone(&self, mount: &Arc<Mount>, uid: &str, confirmed: i64) -> bool {
        self.0.is_account_gone(mount, uid, confirmed)
    }
}

impl Inquire for Verifier {
    fn annotations<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        token: &'a str,
        account: &'a VerifiedIdentity,
        caller: &'a Caller,
    ) -> Answer<'a, Annotations> {
        Box::pin(async move {
            if !is_dns_label(account.namespace()) || !is_dns_name(account.name()) {
                return Ok(Annotations::Withheld(404));
            }
            self.0.annotations(mount, token, account, caller).await
        })
    }

    fn has_local_ca(&self) -> bool {
        self.0.has_local_ca()
    }
}

/// The name of a service account (RFC 1123 subdomain): labels with dots between, at most 253 bytes.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_label)
}

/// The name of a namespace (RFC 1123 label): 1 to 63 lower-case letters, digits and inner hyphens.
fn is_dns_label(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}
