//! From files to a published snapshot, again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use super::document::Document;
use super::watch::{Stamp, Watch};
use crate::catalog::Snapshots;
use crate::catalog::successor;
use crate::config::ConfigError;
use crate::core::mount::{MountAbout, Snapshot};
use crate::health::Health;
use crate::metrics::Metrics;

/// The name of this feed in metrics, health and logs.
const FEED: &str = "store";

/// Why the loader looks at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something has happened to them.
    Event,
    /// Some time has passed.
    Poll,
}

/// The files and what was last seen of them.
#[derive(Debug)]
pub(super) struct Loader {
    file: PathBuf,
    references: Vec<PathBuf>,
    // Of the file and its references when they were last read.
    read: Vec<Stamp>,
    // Other stamps that the last poll saw; what is being written differs from poll to poll.
    pending: Option<Vec<Stamp>>,
    good: bool,
    watch: Watch,
    changed: Arc<Notify>,
    snapshots: Snapshots,
    health: Health,
    metrics: Metrics,
}

impl Loader {
    pub(super) fn open(
        file: &Path,
        snapshots: Snapshots,
        health: Health,
        metrics: Metrics,
        changed: Arc<Notify>,
    ) -> Result<Self, ConfigError> {
        let mut loader = Self {
            file: file.to_owned(),
            references: Vec::new(),
            read: Vec::new(),
            pending: None,
            good: true,
            watch: Watch::new(Arc::clone(&changed)),
            changed,
            snapshots,
            health,
            metrics,
        };
        // First watched, then read, so that no change falls between.
        loader.follow();
        loader.read = loader.stamps();
        let document = Document::read(file)?;
        loader.publish(document);
        Ok(loader)
    }

    /// Looks whether there is something new, and publishes it if it is good.
    pub(super) fn look(&mut self, cause: Cause) {
        let stamps = self.stamps();
        if cause == Cause::Poll && self.good {
            if stamps == self.read {
                self.pending = None;
                self.metrics.feed_loaded(FEED);
                // A directory that was replaced as a whole is not watched any more.
                return self.follow();
            }
            if self.pending.as_ref() != Some(&stamps) {
                self.pending = Some(stamps);
                return;
            }
        }
        self.pending = None;
        let document = Document::read(&self.file);
        if self.stamps() != stamps {
            // Somebody wrote while we read.
            return self.changed.notify_one();
        }
        self.read = stamps;
        match document {
            Ok(document) => self.publish(document),
            Err(error) => self.keep(&error),
        }
    }

    fn publish(&mut self, document: Document) {
        let (mounts, roles) = (document.mounts.len(), document.roles());
        if self.references != document.references {
            self.references.clone_from(&document.references);
            self.follow();
            // Of the new ones nobody can tell whether they have changed since they were read.
            self.read = self.stamps();
            self.changed.notify_one();
        } else {
            self.follow();
        }
        // The set that is replaced is let go of here first, or publishing would wait for us as for a reader.
        let next = next_snapshot(self.snapshots.load().as_deref(), document);
        self.snapshots.publish(next);
        self.metrics.feed_loaded(FEED);
        self.good = true;
        let recovered = self.health.recovered(FEED);
        tracing::info!(file = %self.file.display(), mounts, roles, recovered, "mounts and roles are loaded");
    }

    /// Keeps the last good set, and says so once for each mistake.
    fn keep(&mut self, error: &ConfigError) {
        self.good = false;
        self.follow();
        self.metrics.feed_failed(FEED);
        if self.health.trouble(FEED, &format!("the last good set is in force: {error}")) {
            tracing::error!(%error, "the store's file is not taken, the last good set stays in force");
        }
    }

    fn follow(&mut self) {
        let files = std::iter::once(&self.file).chain(&self.references);
        self.watch.follow(files.map(PathBuf::as_path));
    }

    fn stamps(&self) -> Vec<Stamp> {
        std::iter::once(&self.file).chain(&self.references).map(|file| Stamp::of(file)).collect()
    }
}

fn next_snapshot(before: Option<&Snapshot>, document: Document) -> Snapshot {
    let mounts = document.mounts.into_iter().map(|entry| {
        let known = before.and_then(|snapshot| snapshot.mounts.get(entry.path.as_str()));
        let about = MountAbout::of_path(&entry.path);
        let roles = entry.roles.into_iter().map(|role| (role.name.as_str().into(), Arc::new(role)));
        let mount = successor(known, &entry.path, about, entry.config, roles.collect());
        (entry.path.into_boxed_str(), mount)
    });
    let policies: BTreeMap<String, Arc<str>> =
        document.policies.into_iter().map(|(name, text)| (name, text.into())).collect();
    // The same policies stay the same to those who keep what they have made of them.
    let same = before.filter(|before| *before.policies == policies);
    let policies = same.map_or_else(|| Arc::new(policies), |before| Arc::clone(&before.policies));
    Snapshot { mounts: mounts.collect(), policies }
}
