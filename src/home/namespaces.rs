//! Watches the namespaces of the home cluster, for the labels that roles select by.

mod answer;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::health::Health;
use crate::metrics::Metrics;
use crate::namespaces::{Listed, WatchedNamespaces};
use crate::ports::Clock;
use crate::watching::{Trouble, Words};
use answer::{End, Event, Lines, page};

/// The longest wait for an answer, and for the end of a watch after its own time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after a list that is too long, which is not a small question.
const TOO_MANY_PAUSE: Duration = Duration::from_secs(300);

const WORDS: Words =
    Words { feed: "namespaces", subject: "watch of namespaces", longest: Duration::from_secs(20) };

/// Keeps [`WatchedNamespaces`] as the API server has them, as far as RBAC lets rolegate list and watch them.
///
/// A watch without events does not show whether it is alive, and another question does not show whether the watch has
/// kept up. So each watch is short (`timeoutSeconds`): the API server ends the answer, and the end stands behind all
/// events in the same stream. An end that is whole is the sign of life; what it proves is counted from the moment at which
/// this watch was asked for.
pub struct NamespaceWatch {
    client: kube::Client,
    namespaces: WatchedNamespaces,
    clock: Arc<dyn Clock>,
    // Of one watch, in whole seconds.
    duration: Duration,
    health: Health,
    metrics: Metrics,
}

impl Debug for NamespaceWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NamespaceWatch").field("duration", &self.duration).finish_non_exhaustive()
    }
}

impl NamespaceWatch {
    /// A watch that has not begun. `labels_ttl`: how old labels may be.
    pub fn new(
        client: kube::Client,
        namespaces: WatchedNamespaces,
        clock: Arc<dyn Clock>,
        labels_ttl: Duration,
        health: Health,
        metrics: Metrics,
    ) -> Self {
        Self { client, namespaces, clock, duration: duration(labels_ttl), health, metrics }
    }

    /// Lists and watches, and begins anew after every loss. A right that is granted later is noticed.
    pub(super) async fn run(&self) {
        let mut trouble = Trouble::new(WORDS, self.health.clone(), self.metrics.clone());
        let mut was_refused = false;
        loop {
            let end = self.live(&mut trouble).await;
            self.metrics.namespaces_watched(0);
            let is_refused = matches!(end, End::Refused);
            match end {
                // As for everybody who needs no selectors.
                End::Refused => {
                    self.health.recovered(WORDS.subject);
                    if !was_refused {
                        tracing::info!(
                            "rolegate may not list and watch namespaces: their labels are asked for, and at most \
                             `review.labels_ttl` old"
                        );
                    }
                }
                // The list is made anew, which is all that it takes.
                End::Expired => tracing::debug!("the watch of namespaces begins anew with a list"),
                End::TooMany => {
                    self.namespaces.clear();
                    self.lost(&mut trouble, &end);
                    tokio::time::sleep(TOO_MANY_PAUSE).await;
                }
                End::Lost(_) => self.lost(&mut trouble, &end),
            }
            was_refused = is_refused;
            trouble.pause().await;
        }
    }

    fn lost(&self, trouble: &mut Trouble, end: &End) {
        let cause = end.sentence();
        let sentence = format!("the labels of namespaces are not watched but asked for: {cause}");
        if trouble.lost(&sentence) {
            tracing::warn!("{sentence}");
        }
    }

    /// From a list to the first failure.
    async fn live(&self, trouble: &mut Trouble) -> End {
        let mut version = match self.list().await {
            Ok(version) => version,
            Err(end) => return end,
        };
        loop {
            let asked = self.clock.elapsed();
            let whole = self.watch(&mut version);
            match timeout(self.duration.saturating_add(PATIENCE), whole).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return End::lost("a watch does not end in its time"),
            }
            // A tenth for clocks that run apart.
            let took = self.clock.elapsed().saturating_sub(asked);
            if took.saturating_add(self.duration / 10) < self.duration {
                return End::lost("the API server ends a watch before its time");
            }
            self.namespaces.confirm(asked);
            self.metrics.namespaces_watched(self.namespaces.len());
            if trouble.alive() {
                tracing::info!("namespaces are watched again");
            }
        }
    }

    /// Takes all namespaces in, and says their version.
    async fn list(&self) -> Result<String, End> {
        let (asked, mut listed, mut token) = (self.clock.elapsed(), Listed::default(), String::new());
        loop {
            let page = timeout(PATIENCE, page(&self.client, &token)).await;
            let page = page.map_err(|_| End::lost("the API server does not answer"))??;
            for object in page.items {
                let (name, labels) = object.named()?;
                listed.set(name, labels).map_err(|_| End::TooMany)?;
            }
            token = page.metadata.token.unwrap_or_default();
            if token.is_empty() {
                self.namespaces.replace(listed, asked);
                return page.metadata.version.filter(|version| !version.is_empty()).ok_or_else(End::unread);
            }
        }
    }

    /// One watch from its beginning to an end that is whole.
    async fn watch(&self, version: &mut String) -> Result<(), End> {
        let question = answer::watch(version, self.duration.as_secs())?;
        let answer = self.client.send(question).await.map_err(|error| End::unreachable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(End::status(answer.status()));
        }
        self.metrics.namespaces_watched(self.namespaces.len());
        let (mut body, mut lines) = (answer.into_body(), Lines::default());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| End::broken(&error))?;
            let Some(data) = frame.data_ref() else { continue };
            lines.push(data)?;
            while let Some(event) = lines.next()? {
                self.take_in(event, version)?;
            }
        }
        lines.end()
    }

    fn take_in(&self, event: Event, version: &mut String) -> Result<(), End> {
        let (change, object) = event.read()?;
        *version = object.version()?;
        match change {
            answer::Change::Set => {
                let (name, labels) = object.named()?;
                self.namespaces.set(name, labels).map_err(|_| End::TooMany)
            }
            answer::Change::Removed => {
                self.namespaces.remove(&object.named()?.0);
                Ok(())
            }
            answer::Change::None => Ok(()),
        }
    }
}

/// How long one watch is. What it proves at its end is as old as the watch is long, and the proof of the next one comes as
/// much later: twice this and the API server's pauses have to fit.
fn duration(labels_ttl: Duration) -> Duration {
    Duration::from_secs((labels_ttl.saturating_mul(3) / 10).as_secs().clamp(1, 60))
}

#[cfg(test)]
mod tests;
