//! What operators are told of an overload: counts of what was not sent, and one log line when it begins and when it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::state::Refusal;
use crate::health::Health;
use crate::metrics::Metrics;

/// An overload is over when nothing was refused for so long.
const QUIET: Duration = Duration::from_secs(5);

const SENTENCE: &str =
    "token reviews are refused as overloaded: more are asked for than the API server answers in time";

/// The overload of one mount.
#[derive(Debug)]
pub(super) struct Overload {
    mount: Arc<str>,
    metrics: Metrics,
    told: Arc<Told>,
}

#[derive(Debug)]
struct Told {
    subject: String,
    health: Health,
    // Set while it is told.
    newest_refusal: Mutex<Option<Instant>>,
}

impl Overload {
    pub(super) fn new(mount: &Arc<str>, metrics: &Metrics, health: &Health) -> Self {
        let told = Told {
            subject: format!("mount {mount} admission"),
            health: health.clone(),
            newest_refusal: Mutex::default(),
        };
        Self { mount: Arc::clone(mount), metrics: metrics.clone(), told: Arc::new(told) }
    }

    /// A question was not sent.
    pub(super) fn refused(&self, refusal: Refusal, now: Instant) {
        self.metrics.review_not_sent(&self.mount, refusal.name());
        if refusal == Refusal::Abandoned || !self.told.note(now) {
            return;
        }
        self.told.health.trouble(&self.told.subject, SENTENCE);
        tracing::warn!(subject = self.told.subject, cause = refusal.name(), "{SENTENCE}");
        let told = Arc::clone(&self.told);
        // Without a runtime nothing waits, and there is no end to be told of.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(async move {
                while !told.is_over() {
                    tokio::time::sleep(QUIET).await;
                }
            }));
        }
    }
}

impl Told {
    /// Notes a refusal; whether it is the first one.
    fn note(&self, now: Instant) -> bool {
        self.newest_refusal.lock().unwrap_or_else(PoisonError::into_inner).replace(now).is_none()
    }

    /// Whether nothing was refused for a while, which is told then.
    fn is_over(&self) -> bool {
        let now = tokio::time::Instant::now().into_std();
        let mut newest = self.newest_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = newest.is_none_or(|newest| now.saturating_duration_since(newest) >= QUIET);
        if is_over && newest.take().is_some() {
            self.health.recovered(&self.subject);
            tracing::info!(subject = self.subject, "token reviews are no longer refused as overloaded");
        }
        is_over
    }
}
