//! What mounts, roles and policies there are: the published snapshot, and writes that go through to the store.

mod load;
mod snapshots;
mod succession;
mod write;

use std::sync::Arc;

use tokio::sync::Mutex;

pub use load::LoadError;
pub use snapshots::Snapshots;
pub use succession::{Roles, next_generation, successor};
pub use write::Writing;

use crate::ports::store::{Commit, Key, Objects, Store};

/// The one writer of mounts, roles and policies. Cheap to clone.
///
/// Requests read [`Snapshots`] alone and never wait for it.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Arc<dyn Commit>,
    snapshots: Snapshots,
    publisher: Publisher,
    // Held over the store's answer, so that the snapshot follows the store in its order. No reader takes it.
    turn: Arc<Mutex<()>>,
}

impl Catalog {
    /// A catalog of a store whose declared entries are published by a feed, such as the file store's reader. What such
    /// a store acknowledges its feed has published already, or will.
    pub fn fed(store: Arc<dyn Commit>, snapshots: Snapshots) -> Self {
        Self { store, snapshots, publisher: Publisher::Feed, turn: Arc::default() }
    }

    /// Reads everything that is in the store, and publishes it.
    ///
    /// # Errors
    /// Where the store cannot be read. An entry that is not good is logged and left out, and so admits
    /// nobody.
    pub async fn open(store: Arc<dyn Store>, snapshots: Snapshots) -> Result<Self, LoadError> {
        snapshots.publish(load::all(&*store).await?);
        Ok(Self { publisher: Publisher::Writer, ..Self::fed(store, snapshots) })
    }

    /// The snapshots that are published.
    pub const fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The objects of an entry; nothing where entries are no objects with names of their own.
    pub fn objects(&self, key: &Key) -> Objects {
        self.store.objects(key)
    }

    /// Waits for the turn to write. What the catalog says then stays so until the turn is given back.
    pub async fn write(&self) -> Writing {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Writing::new(Arc::clone(&self.store), self.snapshots.clone(), self.publisher, turn)
    }
}

/// Who publishes what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publisher {
    /// The writer, once the store has it.
    Writer,
    /// A feed of the store, which sees the writes of others as well.
    Feed,
}
