//! When what was named last went: a table of fixed size, which is read without a lock and never full.

use std::sync::atomic::{AtomicU32, Ordering};

/// Places, of four bytes each. Two names may share one, which makes a review be asked for anew, and nothing else.
const PLACES: usize = 1 << 18;

/// The second of the last departure by the place of its hash.
pub(super) struct Marks {
    places: Box<[AtomicU32]>,
    // The last departure of all.
    newest: AtomicU32,
    // When everything was marked last.
    all: AtomicU32,
}

impl Marks {
    pub(super) fn new() -> Self {
        let places = (0..PLACES).map(|_| AtomicU32::new(0)).collect();
        Self { places, newest: AtomicU32::new(0), all: AtomicU32::new(0) }
    }

    /// Marks a name at this second, which is not 0.
    pub(super) fn set(&self, name: u64, now: u32) {
        if let Some(place) = self.place(name) {
            place.fetch_max(now, Ordering::SeqCst);
        }
        self.newest.fetch_max(now, Ordering::SeqCst);
    }

    /// Marks every name.
    pub(super) fn set_all(&self, now: u32) {
        self.all.fetch_max(now, Ordering::SeqCst);
        self.newest.fetch_max(now, Ordering::SeqCst);
    }

    /// Whether there is a mark from that second on.
    pub(super) fn any(&self, since: u32) -> bool {
        self.newest.load(Ordering::SeqCst) >= since
    }

    /// Whether the name may have a mark from that second on.
    pub(super) fn has(&self, name: u64, since: u32) -> bool {
        self.all.load(Ordering::SeqCst) >= since
            || self.place(name).is_some_and(|place| place.load(Ordering::SeqCst) >= since)
    }

    fn place(&self, name: u64) -> Option<&AtomicU32> {
        // PLACES is a power of two that fits 32 bits.
        usize::try_from(name % PLACES as u64).ok().and_then(|place| self.places.get(place))
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Marks").field("newest", &self.newest).finish_non_exhaustive()
    }
}
