//! Which objects of one kind there are, so that a list tells which have gone since the list before.

use std::collections::HashMap;

/// The most objects of a kind that are kept: hashes, of about 30 bytes each. Of more nobody can tell which have gone while
/// they were not watched.
const MOST: usize = 1 << 20;

/// Objects by the hash of their uid, each with the hash of what tokens name it by.
#[derive(Debug, Default)]
pub(super) struct Roll {
    there: Objects,
    listing: Option<(i64, Objects)>,
    listed_at: Option<i64>,
}

#[derive(Debug, Default)]
struct Objects {
    traces: HashMap<u64, u64>,
    // Some had no room.
    crowded: bool,
}

impl Objects {
    fn add(&mut self, key: u64, trace: u64) {
        if self.traces.len() < MOST || self.traces.contains_key(&key) {
            self.traces.insert(key, trace);
        } else {
            self.crowded = true;
        }
    }
}

impl Roll {
    /// A list begins at this second since 1970. One that was not finished is forgotten.
    pub(super) fn begin(&mut self, now: i64) {
        self.listing = Some((now, Objects::default()));
    }

    pub(super) fn list(&mut self, key: u64, trace: u64) {
        if let Some((_, objects)) = &mut self.listing {
            objects.add(key, trace);
        }
    }

    /// What was there before the list and is not in it; none: nobody can tell.
    pub(super) fn end(&mut self) -> Option<Vec<u64>> {
        let Some((began, listed)) = self.listing.take() else { return Some(Vec::new()) };
        let before = std::mem::replace(&mut self.there, listed);
        self.listed_at = (!self.there.crowded).then_some(began);
        if before.crowded || self.there.crowded {
            return None;
        }
        let is_gone = |key: &u64| !self.there.traces.contains_key(key);
        Some(before.traces.into_iter().filter(|(key, _)| is_gone(key)).map(|(_, trace)| trace).collect())
    }

    pub(super) fn add(&mut self, key: u64, trace: u64) {
        self.there.add(key, trace);
    }

    pub(super) fn remove(&mut self, key: u64) {
        self.there.traces.remove(&key);
    }

    /// Whether it is there, as far as is known.
    pub(super) fn has(&self, key: u64) -> bool {
        self.there.crowded || self.there.traces.contains_key(&key)
    }

    /// When the last list began that had room for all, in seconds since 1970.
    pub(super) const fn listed_at(&self) -> Option<i64> {
        self.listed_at
    }
}
