//! Asks each mount's API server, at most once for all who want to know the same, and remembers what it said.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio_util::task::TaskTracker;

use super::api_server::ApiServer;
use super::errand::Errand;
use super::limits::Turn;
use super::local_keys::LocalKeys;
use super::memory::Memory;
use super::request::ReviewRequest;
use super::shared::{Asking, Shared};
use super::{CacheSettings, Settings};
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::reason::Undecided;
use crate::core::review_key::ReviewKey;
use crate::core::token::UnverifiedToken;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::{Annotations, Clock, Labels, ReviewQuery};

/// Generations of mounts whose connections are held; the ones used longest ago are closed first.
const CLUSTERS: u64 = 4096;
/// How long the connections of a mount that nobody asks for are held.
const UNUSED: Duration = Duration::from_secs(600);
/// How long labels are remembered, and how many bytes of them.
const LABELS: Duration = Duration::from_secs(10);
const LABEL_BYTES: u64 = 16 << 20;

/// All mounts' questions and answers.
#[derive(Debug)]
pub(super) struct Asker {
    settings: Settings,
    clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    health: Health,
    clusters: Cache<(Arc<str>, u64), Arc<ApiServer>>,
    // Tokens of one account share one review: pods are many, accounts are few.
    accounts: Cache<Arc<Review>, Arc<Review>>,
    /// None where nobody would look.
    reviewed: Option<Memory<Arc<Review>>>,
    pub(super) reviews: Arc<Shared<Arc<Review>>>,
    pub(super) remembered_labels: Memory<Labels>,
    pub(super) labels: Arc<Shared<Labels>>,
    local_keys: LocalKeys,
    tasks: TaskTracker,
}

impl Asker {
    pub(super) fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics, health: Health) -> Self {
        let (entries, tasks) = (settings.cache.entries, TaskTracker::new());
        Self {
            local_keys: LocalKeys::new(&settings, &clock, &metrics, &health, &tasks),
            clusters: Cache::builder()
                .max_capacity(CLUSTERS)
                .time_to_idle(UNUSED)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            accounts: Cache::builder().max_capacity(entries.div_ceil(10)).time_to_live(UNUSED).build(),
            reviewed: (entries > 0).then(|| Memory::new(entries, entries, |_| 1, Arc::clone(&clock))),
            reviews: Shared::new(),
            remembered_labels: Memory::new(LABEL_BYTES, LABEL_BYTES / 512, weight, Arc::clone(&clock)),
            labels: Shared::new(),
            tasks,
            settings,
            clock,
            metrics,
            health,
        }
    }

    /// Waits for the questions that are under way.
    pub(super) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What published keys say of the token's signature.
    pub(super) fn local_signature(&self, mount: &Arc<Mount>, token: &UnverifiedToken<'_>) -> LocalSignature {
        self.local_keys.check(mount, token, || self.cluster(mount))
    }

    /// Drops what belongs to mounts, or generations of mounts, that are not in the set, and reads the published keys of
    /// those that are new in it.
    pub(super) fn keep_only(&self, set: &Snapshot) {
        for (key, cluster) in &self.clusters {
            let (path, generation) = &*key;
            let mount = set.mount(path);
            if mount.is_none_or(|mount| mount.generation != *generation) {
                self.clusters.invalidate(&*key);
            }
            if mount.is_none() {
                cluster.forget();
            }
        }
        self.local_keys.keep_only(set, |mount| self.cluster(mount));
    }

    /// What belongs to this generation of the mount; none where it is not configured.
    pub(super) fn cluster(&self, mount: &Arc<Mount>) -> Option<Arc<ApiServer>> {
        let config = mount.config.as_ref()?;
        let new = || Arc::new(ApiServer::new(mount, config, &self.settings, &self.health, &self.metrics));
        Some(self.clusters.get_with((Arc::clone(&mount.path), mount.generation), new))
    }

    /// The remembered review. One that confirms a token which names something that is gone from the home cluster counts no
    /// more; one that refuses a token always does.
    pub(super) fn remembered(&self, query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        let review = self.reviewed.as_ref()?.get(&query.key())?;
        let counts = matches!(*review, Review::Refused(_)) || !self.names_gone(query);
        counts.then_some(review)
    }

    /// Whether the token names something that is gone, at a mount that is the home cluster.
    pub(super) fn names_gone(&self, query: &ReviewQuery<'_>) -> bool {
        self.settings.home.as_ref().is_some_and(|home| home.names_gone(query)) && self.is_home(query.mount)
    }

    /// Whether the service account is known to be gone, at a mount that is the home cluster.
    pub(super) fn is_account_gone(&self, mount: &Arc<Mount>, uid: &str, confirmed: i64) -> bool {
        let home = self.settings.home.as_ref();
        home.is_some_and(|home| home.departures.is_account_gone(uid, confirmed)) && self.is_home(mount)
    }

    fn is_home(&self, mount: &Arc<Mount>) -> bool {
        self.cluster(mount).is_some_and(|cluster| cluster.is_home)
    }

    /// Asks; it goes on when the one who wants to know goes away.
    pub(super) fn start_review(
        self: &Arc<Self>,
        query: &ReviewQuery<'_>,
        asking: Asking<Arc<Review>>,
    ) -> Errand {
        let (cluster, turn) = match self.turn(query.mount) {
            Ok(turn) => turn,
            Err(undecided) => return self.end(asking, undecided),
        };
        let (asker, path) = (Arc::clone(self), Arc::clone(&query.mount.path));
        let (question, key, expires) = (ReviewRequest::new(query), query.key(), query.expires);
        Errand::new(&self.tasks, self.settings.timeout, async move {
            let began = asker.clock.elapsed();
            let mut sent = began;
            let answer = {
                let (asking, asker, cluster, question, sent) =
                    (&asking, &asker, &cluster, &question, &mut sent);
                // In its place, for it is large and would be moved three times.
                let ask = |deadline| async move {
                    asking.sent();
                    *sent = asker.clock.elapsed();
                    cluster.review(question, deadline).await
                };
                pin!(turn.take(asker.settings.timeout, ask)).await
            };
            let answer = answer.map(|review| asker.one_of(review));
            let took = asker.clock.elapsed().saturating_sub(began);
            asker.metrics.review(&path, result(&answer), took);
            asking.end(answer, |review| asker.remember(key, review, sent, expires));
        })
    }

    /// The same for a namespace's labels.
    pub(super) fn start_labels(
        self: &Arc<Self>,
        mount: &Arc<Mount>,
        namespace: &str,
        asking: Asking<Labels>,
    ) -> Errand {
        let (cluster, turn) = match self.turn(mount) {
            Ok(turn) => turn,
            Err(undecided) => return self.end(asking, undecided),
        };
        let (asker, namespace, key) = (Arc::clone(self), namespace.to_owned(), labels_key(mount, namespace));
        Errand::new(&self.tasks, self.settings.timeout, async move {
            let until = asker.clock.elapsed().saturating_add(LABELS);
            let answer =
                turn.take(asker.settings.timeout, |deadline| cluster.labels(&namespace, deadline)).await;
            asking.end(answer, |labels| asker.remembered_labels.keep(key, labels.clone(), until));
        })
    }

    /// A service account's annotations; asked for by each login, and not remembered.
    pub(super) async fn annotations(
        &self,
        mount: &Arc<Mount>,
        token: &str,
        account: &VerifiedIdentity,
    ) -> Result<Annotations, Undecided> {
        let (cluster, turn) = self.turn(mount)?;
        turn.take(self.settings.timeout, |deadline| cluster.annotations(token, account, deadline)).await
    }

    /// A turn to ask the mount's API server.
    fn turn(&self, mount: &Arc<Mount>) -> Result<(Arc<ApiServer>, Turn), Undecided> {
        let cluster = self.cluster(mount).ok_or(Undecided::ApiServerNoAnswer)?;
        // Before a place among those who wait is taken.
        cluster.admit()?;
        let turn = cluster.limits.turn()?;
        Ok((cluster, turn))
    }

    /// Tells all who wait that nobody is asked.
    fn end<V>(&self, asking: Asking<V>, undecided: Undecided) -> Errand {
        asking.end(Err(undecided), |_| ());
        Errand::none(&self.tasks)
    }

    /// Whether the pod has a CA of its own.
    pub(super) fn has_local_ca(&self) -> bool {
        super::pod_files::read(&self.settings.local.ca_file).is_ok()
    }

    /// The review that other tokens of the account have, where reviews are remembered.
    fn one_of(&self, review: Review) -> Arc<Review> {
        let review = Arc::new(review);
        match self.reviewed {
            Some(_) => self.accounts.get_with_by_ref(&review, || Arc::clone(&review)),
            None => review,
        }
    }

    /// Remembers what was asked at `sent`, a confirmed token at most until it expires.
    fn remember(&self, key: ReviewKey, review: &Arc<Review>, sent: Duration, expires: Option<i64>) {
        let Some(reviewed) = &self.reviewed else { return };
        let CacheSettings { ttl, refused_ttl, .. } = self.settings.cache;
        let until = match (&**review, expires) {
            (Review::Refused(_), _) => sent.saturating_add(refused_ttl),
            (Review::Confirmed(_), None) => sent.saturating_add(ttl),
            (Review::Confirmed(_), Some(expires)) => {
                let left = u64::try_from(expires.saturating_sub(self.clock.unix_now())).unwrap_or_default();
                let expires = self.clock.elapsed().saturating_add(Duration::from_secs(left));
                sent.saturating_add(ttl).min(expires)
            }
        };
        reviewed.keep(key, Arc::clone(review), until);
        self.metrics.review_cache_entries(reviewed.len());
    }
}

/// What a namespace's labels are remembered under.
pub(super) fn labels_key(mount: &Mount, namespace: &str) -> ReviewKey {
    ReviewKey::of(&mount.path, mount.generation, namespace, &[])
}

/// A review's result as the metric names it.
fn result(answer: &Result<Arc<Review>, Undecided>) -> &'static str {
    match answer.as_deref() {
        Ok(Review::Confirmed(_)) => "confirmed",
        Ok(Review::Refused(_)) => "refused",
        Err(undecided) => undecided.name(),
    }
}

/// Bytes, about.
fn weight(labels: &Labels) -> u64 {
    let texts: usize = match labels {
        Labels::Known(labels) => labels.iter().map(|(key, value)| key.len() + value.len() + 64).sum(),
        Labels::Unknown => 0,
    };
    (texts as u64).saturating_add(256)
}
