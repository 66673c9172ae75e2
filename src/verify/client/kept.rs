//! Connections that nobody asks over at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::wire::Wire;

/// Shorter than the API server's own 90 seconds, so that no question goes into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(30);

/// Connections for the questions to come. The one that was used last is taken first, so that those too many grow old.
pub(super) struct Kept {
    most: usize,
    wires: Vec<(Instant, Box<Wire>)>,
    /// Whether a task looks after their age.
    is_tended: bool,
}

impl Kept {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, wires: Vec::new(), is_tended: false }
    }

    /// One that is not too old.
    pub(super) fn take(kept: &Mutex<Self>) -> Option<Box<Wire>> {
        let (since, wire) = lock(kept).wires.pop()?;
        // All below it are older.
        (since.elapsed() < IDLE).then_some(wire)
    }

    /// Keeps one.
    pub(super) fn put(kept: &Arc<Mutex<Self>>, wire: Box<Wire>) {
        let mut all = lock(kept);
        if all.wires.len() >= all.most {
            return;
        }
        all.wires.push((Instant::now(), wire));
        if !all.is_tended {
            all.is_tended = true;
            tokio::spawn(tend(Arc::downgrade(kept)));
        }
    }
}

/// Closes the old ones, until there are none, or nobody who could ask.
async fn tend(kept: Weak<Mutex<Kept>>) {
    loop {
        sleep(IDLE).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut all = lock(&kept);
        all.wires.retain(|(since, _)| since.elapsed() < IDLE);
        if all.wires.is_empty() {
            all.is_tended = false;
            return;
        }
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
