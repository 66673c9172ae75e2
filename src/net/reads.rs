//! How much a connection may read before what it has read is acted on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes that one turn of a connection may read; the last read of a turn may go beyond it.
///
/// h2 takes in all that it can read before it accepts the first of the requests in it, so that this bounds what waits
/// there: a request and its reset are at least 25 bytes.
pub(super) const PER_TURN: usize = 64 * 1024;

/// What is left of a turn. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Turn(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    left: AtomicUsize,
    has_spoken: AtomicBool,
}

impl Turn {
    /// A turn that has just begun.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared { left: AtomicUsize::new(PER_TURN), has_spoken: AtomicBool::new(false) }))
    }

    /// Begins the next turn.
    pub(super) fn begin(&self) {
        self.0.left.store(PER_TURN, Ordering::Relaxed);
    }

    /// Whether nothing more may be read in this turn.
    pub(super) fn is_over(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) == 0
    }

    /// Counts what was read. All turns of a connection are taken one after the other, by one task.
    pub(super) fn read(&self, bytes: usize) {
        let left = self.0.left.load(Ordering::Relaxed).saturating_sub(bytes);
        self.0.left.store(left, Ordering::Relaxed);
    }

    /// The peer has said what it speaks.
    pub(super) fn spoken(&self) {
        self.0.has_spoken.store(true, Ordering::Relaxed);
    }

    /// Whether the peer has said what it speaks.
    pub(super) fn has_spoken(&self) -> bool {
        self.0.has_spoken.load(Ordering::Relaxed)
    }
}
