//! The watch that keeps what a replica knows up to date, and the look whether the API server is there.

use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::KubernetesTokens;
use super::api::Objects;
use super::object::Object;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::watching::{Lost, Pauses, Trouble, Words, signs_of_life};

/// The feed's name in metrics and health, and the longest pause before a watch that failed goes on.
const WORDS: Words = Words { feed: "tokens", subject: "client tokens", longest: Duration::from_secs(5) };
const TROUBLE: &str = "the API server does not tell of client tokens: those that are known are served, and nothing is \
                       written; revocations by other replicas are not seen";
/// How long a watch runs before it is begun anew where it was; one that died unnoticed is noticed then.
const WATCH_SECONDS: u32 = 25;
/// A watch that has not failed for so long is good: longer than a pause and a call.
const GOOD_AFTER: Duration = Duration::from_secs(15);

/// What is heard.
enum Heard {
    /// What the watch tells.
    Object(Box<watcher::Result<Event<Secret>>>),
    /// Whether the API server answers at all, which a watch that is silent does not tell.
    Life(Result<(), Lost>),
}

/// Keeps a replica's knowledge of client tokens up to date while it runs.
pub struct TokensFeed {
    store: KubernetesTokens,
    trouble: Trouble,
    heard: BoxStream<'static, Heard>,
    // A full list has been taken in.
    is_listed: bool,
    failed: Option<Instant>,
    was_away: bool,
}

impl std::fmt::Debug for TokensFeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokensFeed").finish_non_exhaustive()
    }
}

impl TokensFeed {
    /// A feed whose first full list is in.
    pub(super) async fn open(store: KubernetesTokens, health: Health, metrics: Metrics) -> Self {
        let heard = heard(&store.0.objects);
        let trouble = Trouble::new(WORDS, health, metrics);
        let mut feed = Self { store, trouble, heard, is_listed: false, failed: None, was_away: false };
        while !feed.is_listed {
            feed.hear().await;
        }
        feed
    }

    /// Follows all changes until it is asked to stop. Failures are told by health and metrics, and tried again.
    pub async fn run(mut self, stop: CancellationToken) {
        let follow = async {
            loop {
                self.hear().await;
            }
        };
        let _stopped: Option<()> = stop.run_until_cancelled(follow).await;
    }

    /// Waits for the next news and takes it in.
    async fn hear(&mut self) {
        match self.heard.next().await {
            Some(Heard::Object(told)) => match *told {
                Ok(event) => self.take(event),
                Err(error) => self.has_failed(&Lost::watch("Secret", &error)),
            },
            // A watch from before may have lost its connection without a word.
            Some(Heard::Life(Ok(()))) if std::mem::take(&mut self.was_away) => self.begin_anew(),
            Some(Heard::Life(Ok(()))) if self.is_listed && self.is_good() => self.is_up_to_date(),
            Some(Heard::Life(Ok(()))) => {}
            Some(Heard::Life(Err(lost))) => {
                self.was_away = true;
                self.has_failed(&lost);
            }
            None => self.begin_anew(),
        }
    }

    fn begin_anew(&mut self) {
        self.heard = heard(&self.store.0.objects);
    }

    fn take(&mut self, event: Event<Secret>) {
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
                self.is_listed = true;
                self.is_up_to_date();
            }
        }
    }

    fn is_good(&self) -> bool {
        self.failed.is_none_or(|failed| failed.elapsed() > GOOD_AFTER)
    }

    fn is_up_to_date(&mut self) {
        self.failed = None;
        if self.trouble.alive() {
            tracing::info!("client tokens are up to date again");
        }
    }

    fn has_failed(&mut self, lost: &Lost) {
        self.failed = Some(Instant::now());
        if self.trouble.lost(TROUBLE) {
            tracing::warn!(cause = lost.sentence(), "client tokens are not up to date");
        }
    }
}

/// The watch, which goes on where it was when it has failed, and signs of life.
fn heard(objects: &Objects) -> BoxStream<'static, Heard> {
    let config = watcher::Config::default().labels(&Objects::selector()).timeout(WATCH_SECONDS);
    let told = watcher(objects.api(), config).backoff(Pauses::up_to(WORDS.longest));
    let told = told.map(|told| Heard::Object(Box::new(told)));
    stream::select(told.boxed(), life(objects.api()).map(Heard::Life).boxed()).boxed()
}

fn life(secrets: Api<Secret>) -> impl Stream<Item = Result<(), Lost>> + Send {
    signs_of_life("Secret", move || {
        let secrets = secrets.clone();
        let one = ListParams::default().labels(&Objects::selector()).limit(1);
        async move { secrets.list_metadata(&one).await }
    })
}
