//! One turn to write: the store first, then the snapshot.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::next_generation;
use super::{Publisher, Snapshots};
use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use crate::core::role::Role;
use crate::ports::store::{Change, Commit, Expect, Key, Kind, StoreError};

/// The turn to write. Each write ends it.
#[derive(Debug)]
pub struct Writing {
    store: Arc<dyn Commit>,
    snapshots: Snapshots,
    publisher: Publisher,
    turn: OwnedMutexGuard<()>,
}

impl Writing {
    pub(super) const fn new(
        store: Arc<dyn Commit>,
        snapshots: Snapshots,
        publisher: Publisher,
        turn: OwnedMutexGuard<()>,
    ) -> Self {
        Self { store, snapshots, publisher, turn }
    }

    /// What is there now; it does not change while the turn is held. Let go of it before a write.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.load().unwrap_or_default()
    }

    /// Makes a mount, or tells something else of one that is there.
    ///
    /// # Errors
    /// Where the store does not take it; nothing has changed then. The same is true of every write.
    pub async fn put_mount(self, path: &str, about: MountAbout) -> Result<(), StoreError> {
        let value = serde_json::to_vec(&about).map_err(|error| StoreError::Failed(error.into()))?;
        let changes = vec![Change::put(Key::new(Kind::Mount, path), Expect::Any, value)];
        let path = path.to_owned();
        self.finish(changes, move |snapshot| {
            let mount = match snapshot.mounts.get(path.as_str()) {
                Some(mount) => Mount { about: Arc::new(about), ..Mount::clone(mount) },
                None => Mount::new(&path, next_generation(), about),
            };
            snapshot.mounts.insert(path.into(), Arc::new(mount));
        })
        .await
    }

    /// Takes a mount away with its config and its roles.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn delete_mount(self, path: &str) -> Result<(), StoreError> {
        let mut changes: Vec<Change> = self.snapshot().mounts.get(path).map_or_else(Vec::new, |mount| {
            mount.roles.keys().map(|name| Change::delete(Key::of_role(path, name), Expect::Any)).collect()
        });
        changes.push(Change::delete(Key::new(Kind::Config, path), Expect::Any));
        changes.push(Change::delete(Key::new(Kind::Mount, path), Expect::Any));
        let path = path.to_owned();
        self.finish(changes, move |snapshot| {
            snapshot.mounts.remove(path.as_str());
        })
        .await
    }

    /// Sets the config of a mount that is there.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn put_config(self, path: &str, config: MountConfig) -> Result<(), StoreError> {
        let changes = vec![Change::put(Key::new(Kind::Config, path), Expect::Any, config.to_json())];
        let path = path.to_owned();
        self.finish(changes, move |snapshot| {
            let Some(before) = snapshot.mounts.get(path.as_str()) else { return };
            if before.config.as_deref() != Some(&config) {
                let mut mount = Mount::clone(before);
                mount.generation = next_generation();
                mount.config = Some(Arc::new(config));
                snapshot.mounts.insert(path.into(), Arc::new(mount));
            }
        })
        .await
    }

    /// Puts roles into a mount that is there, in place of those of the same name.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn put_roles(self, path: &str, roles: Vec<Role>) -> Result<(), StoreError> {
        let put = |role: &Role| Change::put(Key::of_role(path, &role.name), Expect::Any, role.to_json());
        let changes = roles.iter().map(put).collect();
        let path = path.to_owned();
        self.finish(changes, move |snapshot| {
            let Some(before) = snapshot.mounts.get(path.as_str()) else { return };
            let mut mount = Mount::clone(before);
            mount.roles.extend(roles.into_iter().map(|role| (role.name.as_str().into(), Arc::new(role))));
            snapshot.mounts.insert(path.into(), Arc::new(mount));
        })
        .await
    }

    /// Takes a role out of a mount; `name` in lower case.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn delete_role(self, path: &str, name: &str) -> Result<(), StoreError> {
        let changes = vec![Change::delete(Key::of_role(path, name), Expect::Any)];
        let (path, name) = (path.to_owned(), name.to_owned());
        self.finish(changes, move |snapshot| {
            let Some(before) = snapshot.mounts.get(path.as_str()) else { return };
            let mut mount = Mount::clone(before);
            mount.roles.remove(name.as_str());
            snapshot.mounts.insert(path.into(), Arc::new(mount));
        })
        .await
    }

    /// Sets a policy's text; `name` in lower case.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn put_policy(self, name: &str, text: &str) -> Result<(), StoreError> {
        let changes = vec![Change::put(Key::new(Kind::Policy, name), Expect::Any, text)];
        let (name, text) = (name.to_owned(), Arc::from(text));
        self.finish(changes, move |snapshot| {
            Arc::make_mut(&mut snapshot.policies).insert(name, text);
        })
        .await
    }

    /// Takes a policy away; `name` in lower case.
    ///
    /// # Errors
    /// As [`Writing::put_mount`].
    pub async fn delete_policy(self, name: &str) -> Result<(), StoreError> {
        let changes = vec![Change::delete(Key::new(Kind::Policy, name), Expect::Any)];
        let name = name.to_owned();
        self.finish(changes, move |snapshot| {
            Arc::make_mut(&mut snapshot.policies).remove(&name);
        })
        .await
    }

    /// The store, then the snapshot, in a task of its own: a caller that goes away must not come between the two.
    async fn finish(
        self,
        changes: Vec<Change>,
        change: impl FnOnce(&mut Snapshot) + Send + 'static,
    ) -> Result<(), StoreError> {
        let Self { store, snapshots, publisher, turn } = self;
        let done = tokio::spawn(async move {
            store.commit(changes).await?;
            if publisher == Publisher::Feed {
                return Ok(());
            }
            let mut next = snapshots.load().map_or_else(Snapshot::default, |now| Snapshot::clone(&now));
            change(&mut next);
            snapshots.publish(next);
            drop(turn);
            Ok(())
        });
        done.await.map_err(|error| StoreError::Failed(error.into()))?
    }
}
