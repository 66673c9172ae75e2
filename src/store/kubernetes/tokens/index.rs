//! What a replica knows of the objects, by the names of their entries. The newest version of an object counts, in
//! whatever order versions come to be known, and what has gone stays gone.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::object::Object;
use crate::ports::store::{Entry, Key, Kind, Listed, Page};

/// How long a deletion is remembered: longer than any answer may be under way.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Index {
    objects: HashMap<Arc<str>, Known>,
    kinds: BTreeMap<Kind, BTreeMap<Box<[u8]>, Located>>,
    /// The last version of objects that have gone, and when that was noted last.
    gone: HashMap<Arc<str>, (u64, Instant)>,
    gone_since: VecDeque<(Instant, Arc<str>)>,
    /// The number of the last full list that was begun.
    list: u64,
}

struct Known {
    version: u64,
    writes: u64,
    keys: Vec<Key>,
    /// The full list that had it last.
    listed: u64,
    /// The full list in whose time it was last seen or written otherwise.
    touched: u64,
}

struct Located {
    object: Arc<str>,
    entry: Entry,
}

impl Index {
    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        self.located(key).map(|located| &located.entry)
    }

    /// The object that an entry lies in.
    pub(super) fn place(&self, key: &Key) -> Option<Arc<str>> {
        self.located(key).map(|located| Arc::clone(&located.object))
    }

    fn located(&self, key: &Key) -> Option<&Located> {
        self.kinds.get(&key.kind)?.get(&key.name)
    }

    pub(super) fn list(&self, page: Page<'_>) -> Listed {
        let Some(entries) = self.kinds.get(&page.kind) else { return Vec::new() };
        page.of_map(entries).map(|(name, located)| (name.clone(), located.entry.clone())).collect()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).map_or(0, BTreeMap::len)
    }

    pub(super) fn version(&self, object: &str) -> Option<u64> {
        self.objects.get(object).map(|known| known.version)
    }

    /// An object as it is known.
    pub(super) fn object(&self, name: &Arc<str>) -> Option<Object> {
        let Known { version, writes, keys, .. } = self.objects.get(name)?;
        let value = |key: &Key| {
            let located = self.located(key).filter(|located| located.object == *name)?;
            Some((key.clone(), Arc::clone(&located.entry.value)))
        };
        let entries = keys.iter().filter_map(value).collect();
        Some(Object { name: Arc::clone(name), version: *version, writes: *writes, entries })
    }

    /// Takes in an object that was seen or written, unless something newer is known of it.
    pub(super) fn apply(&mut self, object: Object) {
        let list = self.list;
        if let Some(known) = self.take(object) {
            known.touched = list;
        }
    }

    /// Begins a full list.
    pub(super) fn list_begins(&mut self) {
        self.list += 1;
    }

    /// Takes in an object of a full list.
    pub(super) fn listed(&mut self, object: Object) {
        let list = self.list;
        if let Some(known) = self.take(object) {
            known.listed = list;
        }
    }

    /// Forgets what the full list did not have. What came to be known during the list may be newer than it: whether it
    /// has gone is not decided, and the watch tells of it anew.
    pub(super) fn list_ends(&mut self) {
        let missing = self.objects.iter().filter(|(_, known)| known.listed != self.list);
        let missing: Vec<_> = missing
            .map(|(name, known)| (Arc::clone(name), known.version, known.touched == self.list))
            .collect();
        for (name, version, is_undecided) in missing {
            if is_undecided { self.unlink(&name) } else { self.remove(&name, version) }
        }
    }

    /// Takes away an object whose last version, or one after it, is this one.
    pub(super) fn remove(&mut self, name: &Arc<str>, version: u64) {
        if self.version(name).is_some_and(|known| known > version) {
            return;
        }
        self.unlink(name);
        let now = Instant::now();
        let (last, since) = self.gone.entry(Arc::clone(name)).or_insert((version, now));
        (*last, *since) = (version.max(*last), now);
        self.gone_since.push_back((now, Arc::clone(name)));
        while self.gone_since.front().is_some_and(|(since, _)| now.duration_since(*since) > REMEMBERED) {
            let Some((since, name)) = self.gone_since.pop_front() else { break };
            if self.gone.get(&name).is_some_and(|(_, noted)| *noted == since) {
                self.gone.remove(&name);
            }
        }
    }

    /// What is known of the object afterwards; none where it has gone.
    fn take(&mut self, object: Object) -> Option<&mut Known> {
        let Object { name, version, writes, entries } = object;
        if self.version(&name).is_none_or(|known| known < version) {
            if self.gone.get(&name).is_some_and(|(last, _)| *last >= version) {
                return None;
            }
            let (listed, touched) =
                self.objects.get(&name).map_or((0, 0), |known| (known.listed, known.touched));
            self.unlink(&name);
            let keys = entries.keys().cloned().collect();
            for (Key { kind, name: key }, value) in entries {
                let located = Located { object: Arc::clone(&name), entry: Entry { version, value } };
                self.kinds.entry(kind).or_default().insert(key, located);
            }
            self.objects.insert(Arc::clone(&name), Known { version, writes, keys, listed, touched });
        }
        self.objects.get_mut(&name)
    }

    fn unlink(&mut self, name: &Arc<str>) {
        let Some(known) = self.objects.remove(name) else { return };
        for Key { kind, name: key } in known.keys {
            let Some(entries) = self.kinds.get_mut(&kind) else { continue };
            if entries.get(&key).is_some_and(|located| located.object == *name) {
                entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
