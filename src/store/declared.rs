//! Entries beside a file: what operators declare is in the file and is not written here; client tokens are.

use super::memory::MemoryStore;
use crate::ports::store::{Change, Commit, Entry, Key, Kind, Listed, Page, Store, StoreError, Stored};

/// What the caller of a write is told.
const IN_THE_FILE: &str =
    "mounts, configs, roles and policies are declared in the store's file here, and are changed there";

/// A store in memory that takes no declarations. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct BesideFile(MemoryStore);

impl Store for BesideFile {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        self.0.get(key)
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        self.0.list(page)
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        self.0.count(kind)
    }
}

impl Commit for BesideFile {
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        if changes.iter().any(|change| change.key.kind.is_declared()) {
            return Box::pin(std::future::ready(Err(StoreError::ReadOnly(IN_THE_FILE))));
        }
        self.0.commit(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::BesideFile;
    use crate::ports::store::{Change, Commit, Expect, Key, Kind, Store, StoreError};

    #[tokio::test]
    async fn tokens_are_kept_and_declarations_are_refused_whole() {
        let store = BesideFile::default();
        let put = |kind| Change::put(Key::new(kind, "a"), Expect::Any, "v");
        store.commit(vec![put(Kind::Token)]).await.unwrap();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_declared()) {
            let refused = store.commit(vec![put(Kind::Accessor), put(kind)]).await;
            assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{kind:?}");
        }
        assert!(store.get(&Key::new(Kind::Accessor, "a")).await.unwrap().is_none());
        assert!(store.get(&Key::new(Kind::Token, "a")).await.unwrap().is_some());
    }
}
