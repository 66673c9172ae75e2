//! The watch that keeps what a replica knows up to date, and the look whether the API server is there.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::KubernetesTokens;
use super::api::Objects;
use super::object::Object;
use crate::errors::with_causes;
use crate::health::Health;
use crate::metrics::Metrics;

/// The feed's name in metrics.
const FEED: &str = "tokens";
/// What health calls it.
const SUBJECT: &str = "client tokens";
const TROUBLE: &str = "the API server does not tell of client tokens: those that are known are served, and nothing is \
                       written; revocations by other replicas are not seen";
/// How often the API server is looked at.
const BEAT: Duration = Duration::from_secs(5);
/// How long a watch runs before it is begun anew where it was; one that died unnoticed is noticed then.
const WATCH_SECONDS: u32 = 25;
/// The shortest and the longest wait before a watch that failed is begun anew.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A watch that has not failed for so long is good: longer than a wait and a call.
const GOOD_AFTER: Duration = Duration::from_secs(15);

type Events = BoxStream<'static, watcher::Result<Event<Secret>>>;

/// Keeps a replica's knowledge of client tokens up to date while it runs.
pub struct TokensFeed {
    events: Events,
    intake: Intake,
}

/// Where events go, and what is told of them.
struct Intake {
    store: KubernetesTokens,
    health: Health,
    metrics: Metrics,
    failed: Mutex<Option<Instant>>,
    again: Notify,
}

impl std::fmt::Debug for TokensFeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokensFeed").finish_non_exhaustive()
    }
}

impl TokensFeed {
    /// A feed whose first full list is in.
    pub(super) async fn open(store: KubernetesTokens, health: Health, metrics: Metrics) -> Self {
        let mut events = events(&store.0.objects);
        let intake = Intake { store, health, metrics, failed: Mutex::new(None), again: Notify::new() };
        loop {
            let event = events.try_next().await;
            if intake.take(event) {
                return Self { events, intake };
            }
        }
    }

    /// Follows all changes until it is asked to stop. Failures are told by health and metrics, and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let Self { events, intake } = self;
        tokio::select! {
            () = stop.cancelled() => {}
            () = intake.follow(events) => {}
            () = intake.look() => {}
        }
    }
}

impl Intake {
    async fn follow(&self, mut events: Events) {
        loop {
            tokio::select! {
                event = events.try_next() => drop(self.take(event)),
                () = self.again.notified() => events = self::events(&self.store.0.objects),
            }
        }
    }

    /// Looks whether the API server is there, which a watch that is silent does not tell.
    async fn look(&self) {
        let mut was_away = false;
        loop {
            tokio::time::sleep(BEAT).await;
            match self.store.0.objects.beat().await {
                // A watch from before may have lost its connection without a word.
                Ok(()) if std::mem::take(&mut was_away) => self.again.notify_one(),
                Ok(()) if self.is_good() => self.is_up_to_date(),
                Ok(()) => {}
                Err(error) => {
                    was_away = true;
                    self.has_failed(&error);
                }
            }
        }
    }

    /// Takes in an event. True at the end of a full list.
    fn take(&self, event: watcher::Result<Option<Event<Secret>>>) -> bool {
        let event = match event {
            Ok(Some(event)) => event,
            Ok(None) => {
                self.again.notify_one();
                return false;
            }
            Err(error) => {
                self.has_failed(&error);
                return false;
            }
        };
        let mut index = self.store.index_mut();
        match event {
            Event::Init => index.list_begins(),
            Event::InitApply(secret) => {
                Object::read(secret).into_iter().for_each(|object| index.listed(object));
            }
            Event::Apply(secret) => Object::read(secret).into_iter().for_each(|object| index.apply(object)),
            Event::Delete(secret) => {
                Object::read(secret)
                    .into_iter()
                    .for_each(|object| index.remove(&object.name, object.version));
            }
            Event::InitDone => {
                index.list_ends();
                drop(index);
                self.is_up_to_date();
                return true;
            }
        }
        false
    }

    fn is_good(&self) -> bool {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_none_or(|failed| failed.elapsed() > GOOD_AFTER)
    }

    fn is_up_to_date(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.metrics.feed_loaded(FEED);
        if self.health.recovered(SUBJECT) {
            tracing::info!("client tokens are up to date again");
        }
    }

    fn has_failed(&self, error: &(dyn std::error::Error + 'static)) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.metrics.feed_failed(FEED);
        if self.health.trouble(SUBJECT, TROUBLE) {
            tracing::warn!(cause = with_causes(error), "client tokens are not up to date");
        }
    }
}

fn events(objects: &Objects) -> Events {
    let config = watcher::Config::default().labels(&Objects::selector()).timeout(WATCH_SECONDS);
    watch(objects.api(), config).backoff(Waits::default()).boxed()
}

/// The waits before a watch that failed is begun anew: each twice as long, up to a bound.
struct Waits(Duration);

impl Default for Waits {
    fn default() -> Self {
        Self(SHORTEST_WAIT)
    }
}

impl Iterator for Waits {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let next = (self.0 * 2).min(LONGEST_WAIT);
        Some(std::mem::replace(&mut self.0, next))
    }
}

impl Backoff for Waits {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
