//! One store over both halves: what operators declare, and what the server keeps.

use std::sync::Arc;

use super::write::Declared;
use crate::ports::store::{
    Change, Commit, Entry, Key, Kind, Listed, Objects, Page, Store, StoreError, Stored,
};

/// Declarations as custom resources, and everything else in another store.
#[derive(Debug)]
pub(super) struct Both {
    pub(super) declared: Arc<Declared>,
    pub(super) kept: Arc<dyn Store>,
}

impl Both {
    fn of(&self, kind: Kind) -> &dyn Store {
        if kind.is_declared() { &*self.declared } else { &*self.kept }
    }
}

impl Store for Both {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        self.of(key.kind).get(key)
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        self.of(page.kind).list(page)
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        self.of(kind).count(kind)
    }
}

impl Commit for Both {
    /// Declarations and other entries are never changed together.
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        let (declared, kept): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.key.kind.is_declared());
        match (declared.is_empty(), kept.is_empty()) {
            (false, true) => self.declared.commit(declared),
            (true, _) => self.kept.commit(kept),
            (false, false) => Box::pin(std::future::ready(Err(StoreError::Failed(
                "declarations and other entries cannot be changed together".into(),
            )))),
        }
    }

    fn objects(&self, key: &Key) -> Objects {
        self.of(key.kind).objects(key)
    }
}
