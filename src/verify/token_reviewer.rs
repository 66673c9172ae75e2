//! Asks each mount's API server, at most once for all who want to know the same, and remembers what it said.

mod confirmed;
mod remembered;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::timeout_at;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::admission::{Entry, Flow, Flows, Kind};
use super::api_server::{ApiServer, Window};
use super::demand::{Demand, Want};
use super::detached_task::DetachedTask;
use super::local_keys::LocalKeys;
use super::request::ReviewRequest;
use super::review_cache::TtlCache;
use super::single_flight::{FlightOwner, SingleFlight};
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::reason::Undecided;
use crate::core::review_key::ReviewKey;
use crate::core::token::UnverifiedToken;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::{Annotations, Caller, Clock, Labels, ReviewQuery};
use confirmed::ConfirmedTokens;
use remembered::Remembered;

/// Generations of mounts whose connections are held; the ones used longest ago are closed first.
const API_SERVERS: u64 = 4096;
/// How long the connections of a mount that nobody asks for are held.
const UNUSED: Duration = Duration::from_secs(600);
/// How many bytes of labels are remembered.
const LABEL_BYTES: u64 = 16 << 20;

/// All mounts' questions and answers.
#[derive(Debug)]
pub(super) struct TokenReviewer {
    settings: Settings,
    clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    health: Health,
    api_servers: Cache<(Arc<str>, u64), Arc<ApiServer>>,
    // Tokens of one account share one review: pods are many, accounts are few.
    accounts: Cache<Arc<Review>, Arc<Review>>,
    /// None where nobody would look.
    reviewed: Option<TtlCache<Remembered>>,
    confirmed: ConfirmedTokens,
    flows: Flows,
    pub(super) reviews: Arc<SingleFlight<Arc<Review>>>,
    pub(super) remembered_labels: TtlCache<Labels>,
    pub(super) labels: Arc<SingleFlight<Labels>>,
    local_keys: LocalKeys,
    tasks: TaskTracker,
}

impl TokenReviewer {
    pub(super) fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics, health: Health) -> Self {
        let (entries, tasks) = (settings.cache.entries, TaskTracker::new());
        Self {
            local_keys: LocalKeys::new(&settings, &clock, &metrics, &health, &tasks),
            api_servers: Cache::builder()
                .max_capacity(API_SERVERS)
                .time_to_idle(UNUSED)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            accounts: Cache::builder().max_capacity(entries.div_ceil(10)).time_to_live(UNUSED).build(),
            reviewed: (entries > 0).then(|| TtlCache::new(entries, entries, |_| 1, Arc::clone(&clock))),
            confirmed: ConfirmedTokens::new(),
            flows: Flows::default(),
            reviews: SingleFlight::new(),
            remembered_labels: TtlCache::new(LABEL_BYTES, LABEL_BYTES / 512, weight, Arc::clone(&clock)),
            labels: SingleFlight::new(),
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
        self.local_keys.check(mount, token, || self.api_server(mount))
    }

    /// Drops what belongs to mounts, or generations of mounts, that are not in the set, and reads the published keys of
    /// those that are new in it.
    pub(super) fn keep_only(&self, set: &Snapshot) {
        for (key, server) in &self.api_servers {
            let (path, generation) = &*key;
            let mount = set.mount(path);
            if mount.is_none_or(|mount| mount.generation != *generation) {
                self.api_servers.invalidate(&*key);
            }
            if mount.is_none() {
                server.forget();
            }
        }
        self.local_keys.keep_only(set, |mount| self.api_server(mount));
    }

    /// What belongs to this generation of the mount; none where it is not configured.
    pub(super) fn api_server(&self, mount: &Arc<Mount>) -> Option<Arc<ApiServer>> {
        let config = mount.config.as_ref()?;
        let new = || Arc::new(ApiServer::new(mount, config, &self.settings, &self.health, &self.metrics));
        Some(self.api_servers.get_with((Arc::clone(&mount.path), mount.generation), new))
    }

    /// What a caller wants of a review: the class is that of the token.
    pub(super) fn want_review(&self, query: &ReviewQuery<'_>, caller: &Caller) -> Want {
        let signed = query.claims.filter(|_| query.signature == LocalSignature::Proven);
        let account = signed
            .map(|claims| self.flows.account(&claims.namespace, &claims.name))
            .or_else(|| self.confirmed.account(query));
        let flow = match account {
            Some(account) => self.flows.proven(caller.origin.door, account),
            None => self.flows.unproven(&caller.origin),
        };
        self.want(caller, flow)
    }

    /// What a caller wants of an object that a confirmed review, or a login of before, has named.
    pub(super) fn want_object(&self, namespace: &str, name: &str, caller: &Caller) -> Want {
        self.want(caller, self.flows.proven(caller.origin.door, self.flows.account(namespace, name)))
    }

    fn want(&self, caller: &Caller, flow: Flow) -> Want {
        Want::new(caller, flow, self.settings.timeout)
    }

    /// Asks; it goes on when the one who wants to know goes away after it was sent, or others wait.
    pub(super) fn start_review(
        self: &Arc<Self>,
        query: &ReviewQuery<'_>,
        owner: FlightOwner<Arc<Review>>,
    ) -> DetachedTask {
        let demand = Arc::clone(owner.demand());
        let (server, entry) = match self.enter(query.mount, &demand, Kind::Review) {
            Ok(admitted) => admitted,
            Err(undecided) => return self.end(owner, undecided),
        };
        let (asker, path) = (Arc::clone(self), Arc::clone(&query.mount.path));
        let (request, key, expires) = (ReviewRequest::new(query), query.key(), query.expires);
        let token = self.confirmed.key(query);
        DetachedTask::new(&self.tasks, &Arc::clone(&demand), async move {
            let (began, mut sent) = (asker.clock.elapsed(), Duration::ZERO);
            let answer = asker.send(entry, &demand, |at, window| {
                sent = at;
                server.review(&request, window)
            });
            // In its place, for it is large and would be moved three times.
            let answer = match pin!(answer).await {
                Ok(review) => {
                    asker.confirmed.note(token, &review, &asker.flows);
                    Ok(asker.one_of(review))
                }
                Err(undecided) => Err(undecided),
            };
            let took = asker.clock.elapsed().saturating_sub(began);
            asker.metrics.review(&path, result(&answer), took);
            owner.end(answer, |review| asker.remember(key, review, sent, expires));
        })
    }

    /// The same for a namespace's labels.
    pub(super) fn start_labels(
        self: &Arc<Self>,
        mount: &Arc<Mount>,
        namespace: &str,
        owner: FlightOwner<Labels>,
    ) -> DetachedTask {
        let demand = Arc::clone(owner.demand());
        let (server, entry) = match self.enter(mount, &demand, Kind::Object) {
            Ok(admitted) => admitted,
            Err(undecided) => return self.end(owner, undecided),
        };
        let (asker, namespace, key) = (Arc::clone(self), namespace.to_owned(), labels_key(mount, namespace));
        DetachedTask::new(&self.tasks, &Arc::clone(&demand), async move {
            let mut sent = Duration::ZERO;
            let answer = asker.send(entry, &demand, |at, window| {
                sent = at;
                server.labels(&namespace, window)
            });
            let answer = pin!(answer).await;
            let until = sent.saturating_add(asker.settings.labels_ttl);
            owner.end(answer, |labels| asker.remembered_labels.keep(key, labels.clone(), until));
        })
    }

    /// A service account's annotations; asked for by each login, and not remembered.
    pub(super) async fn annotations(
        &self,
        mount: &Arc<Mount>,
        token: &str,
        account: &VerifiedIdentity,
        caller: &Caller,
    ) -> Result<Annotations, Undecided> {
        let want = self.want_object(account.namespace(), account.name(), caller);
        want.not_over()?;
        let demand = Demand::new(&want);
        let (server, entry) = self.enter(mount, &demand, Kind::Object)?;
        let asked = self.send(entry, &demand, |_, window| server.annotations(token, account, window));
        match timeout_at(want.until().into(), asked).await {
            Ok(answer) => answer,
            Err(_) if want.is_callers_own() => Err(Undecided::Deadline),
            Err(_) => Err(Undecided::ApiServerNoAnswer),
        }
    }

    /// A turn to ask the mount's API server, now or later.
    fn enter(
        &self,
        mount: &Arc<Mount>,
        demand: &Demand,
        kind: Kind,
    ) -> Result<(Arc<ApiServer>, Entry), Undecided> {
        let server = self.api_server(mount).ok_or(Undecided::ApiServerError)?;
        // Before a place among those that wait is taken.
        server.admit()?;
        let entry = demand.enter(&server.admission, kind).map_err(|_| Undecided::Overloaded)?;
        Ok((server, entry))
    }

    /// Waits for the turn, sends the question and waits for its answer, within the time of those who want it.
    async fn send<T, F: Future<Output = Result<T, Undecided>>>(
        &self,
        entry: Entry,
        demand: &Demand,
        ask: impl FnOnce(Duration, Window) -> F,
    ) -> Result<T, Undecided> {
        let mut permit = match entry {
            Entry::Granted(permit) => permit,
            Entry::Waiting(waiting) => demand.granted(waiting).await.map_err(|_| Undecided::Overloaded)?,
        };
        let at = self.clock.elapsed();
        let deadline = tokio::time::Instant::from_std(demand.sent(at));
        let timeout = self.settings.timeout;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let is_whole = permit.is_immediate && left.saturating_add(timeout / 8) >= timeout;
        // It ends by itself.
        ask(at, Window { deadline, is_whole }).await.inspect(|_| permit.answered())
    }

    /// Tells all who wait that nobody is asked.
    fn end<V>(&self, owner: FlightOwner<V>, undecided: Undecided) -> DetachedTask {
        let demand = Arc::clone(owner.demand());
        owner.end(Err(undecided), |_| ());
        DetachedTask::none(&self.tasks, &demand)
    }

    /// Whether the pod has a CA of its own.
    pub(super) fn has_local_ca(&self) -> bool {
        super::pod_files::read(&self.settings.local.ca_file).is_ok()
    }

    /// Whether labels may be remembered at all.
    pub(super) const fn remembers_labels(&self) -> bool {
        !self.settings.labels_ttl.is_zero()
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
