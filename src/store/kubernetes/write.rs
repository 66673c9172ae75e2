//! Writes of declared entries: custom resources, and Secrets for the tokens of reviewers.
//!
//! The API server has no transactions. A commit is made object by object, in an order in which a part of it admits
//! nobody whom the whole of it would not.

mod mount;
mod name;
mod policy;
mod put;
mod reviewer;
mod role;
mod shown;

use std::sync::Arc;

use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use tokio::sync::watch;

use super::feed::Seen;
use super::read;
use crate::catalog::Snapshots;
use crate::ports::store::{
    Change, Commit, Entry, Expect, Key, Kind, Listed, Objects, Page, Store, StoreError, Stored,
};
use crate::store::expectation::holds;
pub(super) use put::Object;
use shown::Awaited;

/// The declared kinds, in custom resources.
pub(super) struct Declared {
    client: Client,
    namespace: String,
    snapshots: Snapshots,
    seen: watch::Receiver<Arc<Seen>>,
}

impl std::fmt::Debug for Declared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Declared").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Declared {
    pub(super) fn new(
        client: &Client,
        namespace: &str,
        snapshots: Snapshots,
        seen: watch::Receiver<Arc<Seen>>,
    ) -> Self {
        Self { client: client.clone(), namespace: namespace.to_owned(), snapshots, seen }
    }

    fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// What the feed has published last.
    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.borrow())
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        read::get(&*self.snapshots.load()?, key)
    }

    async fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if self.snapshots.load().is_none() {
            return Err(StoreError::Away("the objects have not been listed yet".into()));
        }
        for change in changes.iter().filter(|change| change.expect != Expect::Any) {
            if !holds(change.expect, self.entry(&change.key).map(|entry| entry.version)) {
                return Err(StoreError::Conflict);
            }
        }
        // What goes with its mount needs no deletion of its own.
        let gone: Vec<Vec<u8>> = changes
            .iter()
            .filter(|change| change.key.kind == Kind::Mount && change.value.is_none())
            .map(|change| change.key.name.to_vec())
            .collect();
        let mut awaited = Awaited::default();
        for Change { key, value, .. } in changes {
            let name =
                String::from_utf8(key.name.into_vec()).map_err(|error| StoreError::Failed(error.into()))?;
            let goes = |path: &str| value.is_none() && gone.iter().any(|mount| mount == path.as_bytes());
            match key.kind {
                Kind::Role => {
                    let (path, role) = Key::role_parts(&name)
                        .ok_or_else(|| StoreError::Failed("no name of a role".into()))?;
                    if !goes(path) {
                        self.role(path, role, value.as_deref(), &mut awaited).await?;
                    }
                }
                Kind::Config if goes(&name) => {}
                Kind::Config => self.config(&name, value.as_deref()).await?,
                Kind::Mount => self.mount(&name, value.as_deref(), &mut awaited).await?,
                Kind::Policy => self.policy(&name, value.as_deref(), &mut awaited).await?,
                _ => return Err(StoreError::Failed("not a declared entry".into())),
            }
        }
        awaited.shown(self.seen.clone()).await;
        Ok(())
    }
}

impl Store for Declared {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        Box::pin(async move { Ok(self.entry(key)) })
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        Box::pin(async move {
            let Some(snapshot) = self.snapshots.load() else { return Ok(Vec::new()) };
            let names = read::names(&snapshot, page.kind).into_iter();
            let entry =
                |name: Box<[u8]>| Some((name.clone(), read::get(&snapshot, &Key { kind: page.kind, name })?));
            let wanted = names.filter(|name| {
                name.starts_with(page.prefix) && page.after.is_none_or(|after| **name > *after)
            });
            Ok(wanted.filter_map(entry).take(page.limit).collect())
        })
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        Box::pin(async move {
            Ok(self.snapshots.load().map_or(0, |snapshot| read::names(&snapshot, kind).len() as u64))
        })
    }
}

impl Commit for Declared {
    /// Object by object, not all or none; resolves when this replica's feed has published what was written.
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        Box::pin(self.write(changes))
    }

    fn objects(&self, key: &Key) -> Objects {
        let seen = self.seen();
        let new = name::of(key).and_then(|[name, other]| seen.is_taken(key.kind, &name).then_some(other));
        Objects { claims: seen.claimants(key), new }
    }
}
