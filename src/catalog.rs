//! What mounts, roles and policies there are: the published snapshot, and writes that go through to the store.

mod load;
mod snapshots;
mod succession;
mod write;

use std::sync::Arc;

use tokio::sync::Mutex;

pub use load::LoadError;
pub use snapshots::Snapshots;
pub use succession::{next_generation, successor};
pub use write::Writing;

use crate::ports::store::Store;

/// The one writer of mounts, roles and policies. Cheap to clone.
///
/// Requests read [`Snapshots`] alone and never wait for it.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Arc<dyn Store>,
    snapshots: Snapshots,
    // Held over the store's answer, so that the snapshot follows the store in its order. No reader takes it.
    turn: Arc<Mutex<()>>,
}

impl Catalog {
    /// A catalog of a store whose declared entries are published by somebody else, such as the file store's reader.
    pub fn new(store: Arc<dyn Store>, snapshots: Snapshots) -> Self {
        Self { store, snapshots, turn: Arc::default() }
    }

    /// Reads everything that is in the store, and publishes it.
    ///
    /// # Errors
    /// Where the store cannot be read. An entry that is not good is logged and left out, and so admits
    /// nobody.
    pub async fn open(store: Arc<dyn Store>, snapshots: Snapshots) -> Result<Self, LoadError> {
        snapshots.publish(load::all(&*store).await?);
        Ok(Self::new(store, snapshots))
    }

    /// The snapshots that are published.
    pub const fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// Waits for the turn to write. What the catalog says then stays so until the turn is given back.
    pub async fn write(&self) -> Writing {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Writing::new(Arc::clone(&self.store), self.snapshots.clone(), turn)
    }
}
