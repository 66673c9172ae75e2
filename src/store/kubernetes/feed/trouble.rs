//! What goes wrong with the watches, told once, and the pause before they begin anew.

use std::time::Duration;

use kube::runtime::watcher;

use super::FEED;
use crate::errors::with_causes;
use crate::health::Health;
use crate::metrics::Metrics;

/// The pause after the first loss, and the longest one.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

/// Why the API server is not heard any more, in a sentence for operators.
#[derive(Debug)]
pub(super) struct Lost(String);

impl Lost {
    /// A watch of `kind` has failed.
    pub(super) fn watch(kind: &str, error: &watcher::Error) -> Self {
        let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error
        else {
            return Self(format!("{kind} cannot be watched: {}", with_causes(error)));
        };
        Self::ask(kind, cause)
    }

    /// A question about `kind` has failed.
    pub(super) fn ask(kind: &str, error: &kube::Error) -> Self {
        Self(match error {
            kube::Error::Api(status) if status.code == 404 => format!(
                "the API server knows no {kind}: apply the custom resource definitions that `rolegate crd` prints"
            ),
            kube::Error::Api(status) if status.code == 403 => {
                format!("the API server does not let rolegate list and watch {kind}: {}", status.message)
            }
            error => format!("the API server does not tell of {kind}: {}", with_causes(error)),
        })
    }

    /// There was no answer in time.
    pub(super) fn silent(waited: Duration) -> Self {
        Self(format!("the API server does not answer within {waited:?}"))
    }

    /// The watches have ended, which they never do.
    pub(super) fn ended() -> Self {
        Self("the watches have ended".to_owned())
    }
}

/// Tells operators of losses and recoveries.
#[derive(Debug)]
pub(super) struct Trouble {
    health: Health,
    metrics: Metrics,
    losses: u32,
}

impl Trouble {
    pub(super) const fn new(health: Health, metrics: Metrics) -> Self {
        Self { health, metrics, losses: 0 }
    }

    /// Notes a loss; the same sentence is logged once.
    pub(super) fn lost(&mut self, Lost(sentence): &Lost) {
        self.losses = self.losses.saturating_add(1);
        self.metrics.feed_failed(FEED);
        if self.health.trouble(FEED, sentence) {
            tracing::error!(cause = sentence, "the store is not heard, what was loaded last stays in force");
        }
    }

    /// Notes that everything is as the API server has it.
    pub(super) fn alive(&mut self) {
        self.losses = 0;
        self.metrics.feed_loaded(FEED);
        if self.health.recovered(FEED) {
            tracing::info!("the store is heard again");
        }
    }

    /// Waits longer after each loss, up to a bound.
    pub(super) async fn pause(&self) {
        let doubled = PAUSE.saturating_mul(1 << self.losses.saturating_sub(1).min(10));
        tokio::time::sleep(doubled.min(LONGEST)).await;
    }
}
