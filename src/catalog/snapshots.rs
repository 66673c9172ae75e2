//! The snapshot of this moment, swapped whole.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::core::mount::Snapshot;

/// The snapshot of this moment, of which readers take a share without waiting. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Snapshots {
    cell: Arc<ArcSwapOption<Snapshot>>,
    published: watch::Sender<()>,
}

impl Snapshots {
    /// The newest snapshot; none before the first one.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.cell.load_full()
    }

    /// Puts a whole snapshot in the place of the one before.
    pub fn publish(&self, snapshot: Snapshot) {
        let before = self.cell.swap(Some(Arc::new(snapshot)));
        self.published.send_replace(());
        let Some(before) = before else { return };
        match tokio::runtime::Handle::try_current() {
            // Whoever serves requests does not wait for their end.
            Ok(runtime) if Arc::strong_count(&before) > 1 => {
                let _waits = runtime.spawn_blocking(|| retire(before));
            }
            _ => retire(before),
        }
    }

    /// Notes each publication from now on.
    pub fn publications(&self) -> watch::Receiver<()> {
        self.published.subscribe()
    }

    /// The cell itself, for those who read it with every request.
    pub fn cell(&self) -> Arc<ArcSwapOption<Snapshot>> {
        Arc::clone(&self.cell)
    }
}

/// Lets a snapshot go where it was replaced: a reader that is the last one to hold it would have to free every role
/// of it, which takes as long as thousands of requests. Readers hold one for microseconds.
fn retire(before: Arc<Snapshot>) {
    for _ in 0..PATIENCE {
        if Arc::strong_count(&before) == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many milliseconds a replaced snapshot is held for its readers.
const PATIENCE: u32 = 100;
