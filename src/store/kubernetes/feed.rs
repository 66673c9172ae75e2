//! The feed: what the API server tells of the objects becomes one published snapshot after the other.

mod cache;
mod find;
mod hear;
mod readable;
mod state;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Client;
use tokio::sync::{SetOnce, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::Snapshots;
use crate::health::Health;
use crate::lifecycle::Pending;
use crate::metrics::Metrics;
use crate::watching::{Lost, Trouble, Words};

pub(super) use cache::Objects;
use cache::Touch;
pub(super) use find::{is_at, is_policy, is_role};
use hear::{Heard, Hearing};
pub(super) use readable::{Claiming, Readable};
pub(super) use state::Seen;
use state::State;

/// The name of this feed in metrics and health, and the longest pause before its watches begin anew.
const WORDS: Words = Words { feed: "store", subject: "store", longest: Duration::from_secs(3) };

/// How long an event waits for others that come with it.
const GATHER: Duration = Duration::from_millis(10);

/// The longest that it waits, where a set takes long to make.
const GATHER_AT_MOST: Duration = Duration::from_millis(80);

/// What a feed tells.
#[derive(Debug)]
pub(super) struct Tells {
    pub(super) snapshots: Snapshots,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    /// Held until the first set is published.
    pub(super) pending: Pending,
    /// Set once a set may be published.
    pub(super) after: Arc<SetOnce<()>>,
}

/// What has to happen when, in one life of the watches.
#[derive(Debug)]
pub(super) struct Feed {
    hearing: Hearing,
    state: State,
    trouble: Trouble,
    pending: Option<Pending>,
    after: Arc<SetOnce<()>>,
    // When what was heard is to be judged; none: nothing was heard.
    due: Option<Instant>,
    // How long the last judgement took.
    took: Duration,
}

impl Feed {
    /// A feed of a namespace's objects; whoever holds the receiver sees what has been published.
    pub(super) fn new(client: Client, namespace: &str, tells: Tells) -> (Self, watch::Receiver<Arc<Seen>>) {
        let Tells { snapshots, health, metrics, pending, after } = tells;
        let (state, seen) = State::new(snapshots);
        let feed = Self {
            hearing: Hearing::new(client, namespace),
            state,
            trouble: Trouble::new(WORDS, health, metrics),
            pending: Some(pending),
            after,
            due: None,
            took: Duration::ZERO,
        };
        (feed, seen)
    }

    /// Until it is asked to stop. Whatever goes wrong with the API server, the last set stays in force, and the
    /// watches begin anew.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                lost = self.live() => lost,
            };
            self.lost(&lost);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.trouble.pause() => {}
            }
        }
    }

    /// One life of the watches: from their lists to the first error.
    async fn live(&mut self) -> Lost {
        self.state.begin();
        self.due = None;
        let mut events = self.hearing.events();
        loop {
            let (due, after) = (self.due, Arc::clone(&self.after));
            let judgement = async {
                after.wait().await;
                tokio::time::sleep_until(due.unwrap_or_else(Instant::now)).await;
            };
            tokio::select! {
                heard = events.next() => match heard {
                    Some(heard) => {
                        if let Err(lost) = self.hear(heard) {
                            return lost;
                        }
                    }
                    None => return Lost::ended(),
                },
                () = judgement, if due.is_some() => self.judge().await,
            }
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), Lost> {
        let was_refused = self.state.refused().is_some();
        let touch = match heard {
            Heard::Life(sign) => {
                sign?;
                self.state.alive();
                if self.state.is_complete() {
                    self.heard();
                }
                return Ok(());
            }
            Heard::Objects(told) => self.state.take(*told)?,
        };
        if !was_refused && let Some(lost) = self.state.refused().cloned() {
            self.lost(&lost);
        }
        let gather = match touch {
            Touch::Nothing => return Ok(()),
            // A set is not made of it, and whoever writes many statuses brings as many of these.
            Touch::Beside if !self.state.has_news() => GATHER_AT_MOST,
            _ => self.took.saturating_mul(2).clamp(GATHER, GATHER_AT_MOST),
        };
        if self.state.is_complete() {
            let due = Instant::now() + gather;
            self.due = Some(self.due.map_or(due, |before| before.min(due)));
        }
        Ok(())
    }

    async fn judge(&mut self) {
        self.due = None;
        let begun = Instant::now();
        self.state.judge().await;
        self.took = begun.elapsed();
        self.heard();
        if self.pending.take().is_some() {
            let (mounts, roles) = self.state.sizes();
            tracing::info!(mounts, roles, "mounts and roles are loaded");
        }
    }

    fn lost(&mut self, lost: &Lost) {
        if self.trouble.lost(lost.sentence()) {
            let cause = lost.sentence();
            tracing::error!(cause, "the store is not heard, what was loaded last stays in force");
        }
    }

    fn heard(&mut self) {
        if self.state.refused().is_some() {
            self.trouble.loaded();
        } else if self.trouble.alive() {
            tracing::info!("the store is heard again");
        }
    }
}

#[cfg(test)]
mod tests;
