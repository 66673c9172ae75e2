//! Proof of tokens: signatures, TokenReviews, and the cache around them.

mod answer;
mod api_server;
mod api_server_health;
mod asker;
mod breaker;
mod client;
mod errand;
mod error;
mod home;
mod limits;
mod local_keys;
mod memory;
mod pod_files;
mod proxy;
mod request;
mod resolver;
mod reviewer_credential;
mod server_certificate;
mod settings;
mod shared;
mod signature;
mod trust_anchors;

use std::sync::Arc;
use std::time::Instant;

use asker::{Asker, labels_key};
pub use pod_files::{LocalCluster, TokenSeen};
pub use settings::{CacheSettings, HomeCluster, Settings};

use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::reason::Undecided;
use crate::core::token::UnverifiedToken;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::gone::Gone;
use crate::ports::{Annotations, Answer, Clock, Freshness, Inquire, Labels, ReviewQuery, Verify};

/// Asks each mount's own API server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Asker>);

impl Verifier {
    /// A verifier that has asked nothing yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics, health: Health) -> Self {
        settings.local.look_for_token();
        Self(Arc::new(Asker::new(settings, clock, metrics, health)))
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
        self.0.cluster(mount).is_some_and(|cluster| cluster.keys.signed(token))
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
        deadline: Option<Instant>,
    ) -> Answer<'a, Arc<Review>> {
        Box::pin(async move {
            let (asker, key) = (&self.0, query.key());
            not_passed(deadline)?;
            // A question that is under way may have been sent before the deletion.
            let wanted = if asker.names_gone(&query) { Freshness::Fresh } else { freshness };
            let share = asker.reviews.ask(key, wanted, || asker.remembered(&query));
            if freshness == Freshness::Cached {
                asker.metrics.review_cache(share.name());
            }
            share.outcome(deadline, |asking| asker.start_review(&query, asking)).await
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        namespace: &'a str,
        deadline: Option<Instant>,
    ) -> Answer<'a, Labels> {
        Box::pin(async move {
            let (asker, key) = (&self.0, labels_key(mount, namespace));
            if !is_dns_label(namespace) {
                return Ok(Labels::Unknown);
            }
            not_passed(deadline)?;
            let share = asker.labels.ask(key, Freshness::Cached, || asker.remembered_labels.get(&key));
            share.outcome(deadline, |asking| asker.start_labels(mount, namespace, asking)).await
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
        deadline: Option<Instant>,
    ) -> Answer<'a, Annotations> {
        Box::pin(async move {
            if !is_dns_label(account.namespace()) || !is_dns_name(account.name()) {
                return Ok(Annotations::Withheld(404));
            }
            not_passed(deadline)?;
            let asked = self.0.annotations(mount, token, account);
            match deadline {
                None => asked.await,
                Some(at) => {
                    tokio::time::timeout_at(at.into(), asked).await.map_err(|_| Undecided::Deadline)?
                }
            }
        })
    }

    fn has_local_ca(&self) -> bool {
        self.0.has_local_ca()
    }
}

/// Nothing is begun for a caller that has stopped to wait.
fn not_passed(deadline: Option<Instant>) -> Result<(), Undecided> {
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        Err(Undecided::Deadline)
    } else {
        Ok(())
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
