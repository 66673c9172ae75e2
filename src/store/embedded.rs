//! The embedded store: a crash-safe database of one machine, in a directory of one process.

mod copy;
mod disk;
mod layout;
mod open;
mod place;
mod seal;
mod snapshot;
mod trouble;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

pub use copy::{Copied, CopyError, restore};
pub use open::{OpenError, Options};

use crate::ports::store::{self, Change, Entry, Key, Kind, Listed, Page, Store, StoreError, Stored};
use seal::Seal;
use snapshot::Snapshot;
use trouble::Trouble;
use writer::Commit;

/// How many commits may wait for the writer.
const QUEUE: usize = 1024;

/// How long a commit waits for the disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lists longer than this are not read on a thread that serves requests.
const SHORT: usize = 100;

/// Entries in a database. Cheap to clone; the last clone that goes waits for the writer.
///
/// Reads see the newest commit that is durable and never wait. Commits that come while the disk is busy share the
/// next durable transaction. While the disk takes no writes, commits fail and reads go on.
#[derive(Debug, Clone)]
pub struct EmbeddedStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    published: Arc<ArcSwap<Snapshot>>,
    /// None only while it ends.
    queue: Option<mpsc::Sender<Commit>>,
    writer: Option<JoinHandle<()>>,
    seal: Option<Arc<Seal>>,
}

impl EmbeddedStore {
    /// Whether secrets are sealed with a key; otherwise they lie in the file as they are.
    pub fn is_sealed(&self) -> bool {
        self.0.seal.is_some()
    }

    fn sealed(&self, changes: &mut [Change]) -> Result<(), Trouble> {
        let Some(seal) = &self.0.seal else { return Ok(()) };
        for Change { key: Key { kind, name }, value, .. } in changes {
            if let Some(value) = value.as_mut().filter(|_| kind.is_secret()) {
                *value = seal.close(layout::code(*kind), name, value)?;
            }
        }
        Ok(())
    }

    async fn queue(&self, commit: Commit) -> Result<(), Trouble> {
        let queue = self.0.queue.as_ref().ok_or(Trouble::Ended)?;
        queue.send(commit).await.map_err(|_| Trouble::Ended)
    }
}

impl Store for EmbeddedStore {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        Box::pin(async move {
            let entry = self.0.published.load().get(key)?;
            Ok(entry.map(|entry| opened(self.0.seal.as_deref(), key.kind, &key.name, entry)).transpose()?)
        })
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        Box::pin(async move {
            let seal = self.0.seal.clone();
            if page.limit <= SHORT {
                return Ok(listed(&self.0.published.load(), seal.as_deref(), page)?);
            }
            let snapshot = self.0.published.load_full();
            let (prefix, after) = (page.prefix.to_vec(), page.after.map(<[u8]>::to_vec));
            let (kind, limit) = (page.kind, page.limit);
            let reading = tokio::task::spawn_blocking(move || {
                let page = Page { kind, prefix: &prefix, after: after.as_deref(), limit };
                listed(&snapshot, seal.as_deref(), page)
            });
            Ok(reading.await.map_err(|error| StoreError::Failed(Box::new(error)))??)
        })
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        Box::pin(async move { Ok(self.0.published.load().count(kind)?) })
    }
}

impl store::Commit for EmbeddedStore {
    fn commit(&self, mut changes: Vec<Change>) -> Stored<'_, ()> {
        Box::pin(async move {
            self.sealed(&mut changes)?;
            let (done, outcome) = oneshot::channel();
            let written = async {
                self.queue(Commit { changes, done }).await?;
                outcome.await.map_err(|_| Trouble::Ended)?
            };
            tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|_| Err(Trouble::Late.into()))
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue = None;
        // One that has panicked has ended as well.
        let _ = self.writer.take().map(JoinHandle::join);
    }
}

fn listed(snapshot: &Snapshot, seal: Option<&Seal>, page: Page<'_>) -> Result<Listed, Trouble> {
    let rows = snapshot.list(page)?.into_iter();
    rows.map(|(name, entry)| opened(seal, page.kind, &name, entry).map(|entry| (name, entry))).collect()
}

fn opened(seal: Option<&Seal>, kind: Kind, name: &[u8], entry: Entry) -> Result<Entry, Trouble> {
    match seal.filter(|_| kind.is_secret()) {
        None => Ok(entry),
        Some(seal) => Ok(Entry { value: seal.open(layout::code(kind), name, &entry.value)?.into(), ..entry }),
    }
}

#[cfg(test)]
mod tests;
