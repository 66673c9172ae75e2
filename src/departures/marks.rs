//! When what was named was last deleted: tables of fixed size, which are read without a lock and never full.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Names that are kept exactly, of 16 bytes each; a power of two.
const NAMES: usize = 1 << 17;
/// How many places a name may have among these.
const PROBES: usize = 8;
/// Places for names that found none, of eight bytes each; a power of two. Two names may share one: a review is asked for
/// anew that need not be, and nothing else.
const SHARED_PLACES: usize = 1 << 16;

/// The moment of the last deletion by name. Moments are never 0, which is none.
pub(super) struct DeletionMarks {
    names: Box<[Mark]>,
    shared: Box<[AtomicU64]>,
    // The last deletion of all.
    newest: AtomicU64,
    // When everything was marked last.
    all: AtomicU64,
    // Held while a place is taken.
    writer: Mutex<()>,
}

#[derive(Default)]
struct Mark {
    // 0: never used.
    name: AtomicU64,
    at: AtomicU64,
}

impl DeletionMarks {
    pub(super) fn new() -> Self {
        Self {
            names: (0..NAMES).map(|_| Mark::default()).collect(),
            shared: (0..SHARED_PLACES).map(|_| AtomicU64::new(0)).collect(),
            newest: AtomicU64::new(0),
            all: AtomicU64::new(0),
            writer: Mutex::default(),
        }
    }

    /// Marks a name. A place whose mark is older than `since` is taken from it.
    pub(super) fn set(&self, name: u64, now: u64, since: u64) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let own = || self.places(name).find(|mark| mark.name.load(Ordering::SeqCst) == name);
        let free = || self.places(name).find(|mark| mark.at.load(Ordering::SeqCst) < since);
        if let Some(mark) = own().or_else(free) {
            if mark.name.load(Ordering::SeqCst) != name {
                // Whoever still reads the old name finds it without a mark, as it deserves.
                mark.at.store(0, Ordering::SeqCst);
                mark.name.store(name, Ordering::SeqCst);
            }
            mark.at.fetch_max(now, Ordering::SeqCst);
        } else if let Some(place) = self.shared_place(name) {
            place.fetch_max(now, Ordering::SeqCst);
        }
        drop(writer);
        self.newest.fetch_max(now, Ordering::SeqCst);
    }

    /// Marks every name.
    pub(super) fn set_all(&self, now: u64) {
        self.all.fetch_max(now, Ordering::SeqCst);
        self.newest.fetch_max(now, Ordering::SeqCst);
    }

    /// Whether there is a mark from that moment on.
    pub(super) fn any(&self, since: u64) -> bool {
        self.newest.load(Ordering::SeqCst) >= since
    }

    /// The name's newest mark from that moment on. Never none for a name that has one; rarely one for a name that has none.
    pub(super) fn newest_of(&self, name: u64, since: u64) -> Option<u64> {
        let own = self.places(name).find(|mark| mark.name.load(Ordering::SeqCst) == name);
        let own = own.map_or(0, |mark| mark.at.load(Ordering::SeqCst));
        let shared = self.shared_place(name).map_or(0, |place| place.load(Ordering::SeqCst));
        Some(own.max(shared)).filter(|at| *at >= since && *at > 0)
    }

    /// When every name was marked, from that moment on.
    pub(super) fn newest_of_all(&self, since: u64) -> Option<u64> {
        Some(self.all.load(Ordering::SeqCst)).filter(|at| *at >= since && *at > 0)
    }

    fn places(&self, name: u64) -> impl Iterator<Item = &Mark> {
        let first = index(name, NAMES);
        (0..PROBES).filter_map(move |probe| self.names.get(first.saturating_add(probe) % NAMES))
    }

    fn shared_place(&self, name: u64) -> Option<&AtomicU64> {
        // Other bits than those that choose the first place.
        self.shared.get(index(name >> 32, SHARED_PLACES))
    }
}

/// Below `length`, a power of two that fits 32 bits.
fn index(name: u64, length: usize) -> usize {
    usize::try_from(name % length as u64).unwrap_or_default()
}

impl std::fmt::Debug for DeletionMarks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeletionMarks").field("newest", &self.newest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::{DeletionMarks, NAMES, PROBES};

    #[test]
    fn thousands_of_deletions_mark_no_other_name() {
        let (marks, hasher) = (DeletionMarks::new(), RandomState::new());
        for deleted in 0..12_000_u64 {
            marks.set(hasher.hash_one(deleted), 5, 1);
        }
        let wrong = (0..12_000_u64).filter(|deleted| marks.newest_of(hasher.hash_one(deleted), 1) != Some(5));
        assert_eq!(wrong.count(), 0);
        let others = 1_000_000..1_100_000_u64;
        let marked = others.filter(|other| marks.newest_of(hasher.hash_one(other), 1).is_some()).count();
        assert_eq!(marked, 0);
    }

    #[test]
    fn where_no_place_is_left_a_name_is_marked_all_the_same() {
        let marks = DeletionMarks::new();
        // All have the same places, and the same shared one.
        let name = |number: usize| 7 + (number * NAMES) as u64;
        for number in 0..=2 * PROBES {
            marks.set(name(number), 5, 1);
            assert_eq!(marks.newest_of(name(number), 1), Some(5), "{number}");
        }
        assert!((0..=2 * PROBES).all(|number| marks.newest_of(name(number), 1) == Some(5)));
        // Places whose marks have outlived their time are taken, and the newest mark of a name counts.
        marks.set(name(40), 9, 6);
        marks.set(name(40), 10, 6);
        assert_eq!((marks.newest_of(name(40), 6), marks.newest_of(name(3), 6)), (Some(10), None));
    }
}
