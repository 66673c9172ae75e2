//! Where mounts and roles come from; all of them publish whole snapshots.

pub mod check;
pub mod file;
pub mod memory;
mod succession;

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::core::mount::Snapshot;

/// The snapshot of this moment, of which readers take a share without waiting. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Snapshots(Arc<ArcSwapOption<Snapshot>>);

impl Snapshots {
    /// The newest snapshot; none before the first one.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.0.load_full()
    }

    /// Puts a whole snapshot in the place of the one before.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Some(Arc::new(snapshot)));
    }

    /// The cell itself, for those who read it with every request.
    pub fn cell(&self) -> Arc<ArcSwapOption<Snapshot>> {
        Arc::clone(&self.0)
    }
}
