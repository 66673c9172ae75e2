//! The memory store of entries: nothing outlives the process.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::expectation::holds;
use crate::ports::store::{Change, Commit, Entry, Key, Kind, Listed, Page, Store, StoreError, Stored};

/// Entries in memory, in the order of their names. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<RwLock<Entries>>);

#[derive(Default)]
struct Entries {
    /// The version of the newest change.
    version: u64,
    kinds: BTreeMap<Kind, BTreeMap<Box<[u8]>, Entry>>,
    /// What all empty values share, which most indexes have.
    empty: Arc<[u8]>,
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.kinds.iter().map(|(kind, entries)| (kind, entries.len()))).finish()
    }
}

impl MemoryStore {
    fn read<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&Entries) -> T + Send + 'a) -> Stored<'a, T> {
        Box::pin(async move { Ok(read(&self.0.read().unwrap_or_else(PoisonError::into_inner))) })
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        self.read(move |entries| entries.get(key).cloned())
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        self.read(move |entries| entries.list(page))
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        self.read(move |entries| entries.kinds.get(&kind).map_or(0, |entries| entries.len() as u64))
    }
}

impl Commit for MemoryStore {
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        Box::pin(async move { self.0.write().unwrap_or_else(PoisonError::into_inner).commit(changes) })
    }
}

impl Entries {
    fn get(&self, key: &Key) -> Option<&Entry> {
        self.kinds.get(&key.kind)?.get(&key.name)
    }

    fn list(&self, page: Page<'_>) -> Listed {
        let Some(entries) = self.kinds.get(&page.kind) else { return Vec::new() };
        page.of_map(entries).map(|(name, entry)| (name.clone(), entry.clone())).collect()
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.iter().any(|change| !holds(change.expect, self.get(&change.key).map(|e| e.version))) {
            return Err(StoreError::Conflict);
        }
        self.version += 1;
        for Change { key: Key { kind, name }, value, .. } in changes {
            let entries = self.kinds.entry(kind).or_default();
            match value {
                None => drop(entries.remove(&name)),
                Some(value) => {
                    let value = if value.is_empty() { Arc::clone(&self.empty) } else { value.into() };
                    entries.insert(name, Entry { version: self.version, value });
                }
            }
        }
        Ok(())
    }
}
