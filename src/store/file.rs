//! The file store: one YAML file that people write, read again whenever it changes.

mod document;
mod loader;
mod references;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::catalog::Snapshots;
use crate::config::ConfigError;
use crate::health::Health;
use crate::metrics::Metrics;

pub(crate) use document::{Document, parse_yaml};
use loader::{Cause, Loader};

/// How often the files are looked at when no event has come.
const POLL: Duration = Duration::from_secs(10);

/// How long nothing must have happened before files are read.
const QUIET: Duration = Duration::from_millis(100);

/// How often more events may put the reading off.
const PATIENCE: u32 = 20;

/// A file of mounts, roles and policies, and the last good set that was in it.
#[derive(Debug)]
pub struct FileStore {
    loader: Loader,
    changed: Arc<Notify>,
    poll: Duration,
}

/// The task of a store ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("the file store has failed")]
pub struct StoreFailed(#[from] tokio::task::JoinError);

impl FileStore {
    /// Reads the file for the first time and publishes what it says.
    ///
    /// # Errors
    /// With one line where the file, or one that it names, is not as it should be.
    pub fn open(
        file: &Path,
        snapshots: Snapshots,
        health: Health,
        metrics: Metrics,
    ) -> Result<Self, ConfigError> {
        let changed = Arc::new(Notify::new());
        let loader = Loader::open(file, snapshots, health, metrics, Arc::clone(&changed))?;
        Ok(Self { loader, changed, poll: POLL })
    }

    /// Looks at the files that often when no event has come, instead of every 10 s.
    #[must_use]
    pub fn poll_every(self, poll: Duration) -> Self {
        Self { poll, ..self }
    }

    /// Publishes every good set that the file comes to hold; a bad one leaves the last good one in its place.
    ///
    /// # Errors
    /// Where the task could not go on. Ends without one when it is asked to stop.
    pub async fn run(self, stop: CancellationToken) -> Result<(), StoreFailed> {
        let Self { mut loader, changed, poll } = self;
        loop {
            let cause = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = changed.notified() => {
                    quiet(&changed).await;
                    Cause::Event
                }
                () = tokio::time::sleep(poll) => Cause::Poll,
            };
            // Reading is slow for the loop that serves requests.
            loader = tokio::task::spawn_blocking(move || {
                loader.look(cause);
                loader
            })
            .await?;
        }
    }
}

/// Waits until events have stopped coming, within reason.
async fn quiet(changed: &Notify) {
    for _ in 0..PATIENCE {
        if tokio::time::timeout(QUIET, changed.notified()).await.is_err() {
            return;
        }
    }
}
