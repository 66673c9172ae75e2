//! A mount and its config: one GateMount.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::put::{Basis, Put, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::core::mount::{MountAbout, MountConfig};
use crate::ports::store::StoreError;
use crate::store::kubernetes::resources::{GateMount, GateRole, Reference};

/// How many objects are deleted at once.
const DELETIONS: usize = 8;

impl Declared {
    /// Makes a mount or tells something else of it; without a value, takes it away with all that is in it.
    pub(super) async fn mount(
        &self,
        path: &str,
        value: Option<&[u8]>,
        awaited: &mut Awaited,
    ) -> Result<(), StoreError> {
        let Some(value) = value else { return self.delete_mount(path, awaited).await };
        let about: MountAbout =
            serde_json::from_slice(value).map_err(|error| StoreError::Failed(error.into()))?;
        let seen = self.seen();
        let put = Put {
            api: &self.api(),
            before: seen.mount_at(path),
            names: name::of_mount(path),
            basis: Basis::Laid,
        };
        let is_it = |mount: &GateMount| mount.path() == path;
        let make = |old: Option<&GateMount>| {
            let mut spec = old.map(|old| old.spec.clone()).unwrap_or_default();
            if old.is_none() {
                path.clone_into(&mut spec.path);
            }
            spec.set_about(&about);
            GateMount::new("", spec)
        };
        awaited.put(put.write(is_it, make).await?, |seen| &seen.mounts);
        Ok(())
    }

    /// Sets the config of a mount that is there. A reviewer's token is written first, into a Secret of its own, so that
    /// it never meets another host than its own.
    pub(super) async fn config(
        &self,
        path: &str,
        value: Option<&[u8]>,
        awaited: &mut Awaited,
    ) -> Result<(), StoreError> {
        let config = match value {
            Some(value) => {
                Some(MountConfig::from_json(value).map_err(|error| StoreError::Failed(error.into()))?)
            }
            None => None,
        };
        let seen = self.seen();
        let before = seen.mount_at(path).ok_or(StoreError::Conflict)?;
        let jwt = config.as_ref().and_then(|config| config.token_reviewer_jwt.as_ref());
        let reviewer = match jwt {
            Some(jwt) => Some(self.reviewer(before, jwt).await?),
            None => None,
        };
        let named = reviewer.as_ref().map(|reviewer| reviewer.clone());
        let put =
            Put { api: &self.api(), before: Some(before), names: name::of_mount(path), basis: Basis::Whole };
        let make = |old: Option<&GateMount>| {
            let mut spec = old.unwrap_or(before).spec.clone();
            spec.set_config(config.as_ref(), named.clone());
            GateMount::new("", spec)
        };
        match put.write(|mount: &GateMount| mount.path() == path, make).await {
            Ok(written) => {
                let mut published = Awaited::default();
                published.put(written, |seen| &seen.mounts);
                published.shown(self.seen.clone()).await;
                self.forget_reviewers(before, named.as_ref()).await;
                Ok(())
            }
            Err(error) => {
                self.forget_reviewers(before, before.spec.token_reviewer_ref.as_ref()).await;
                Err(error)
            }
        }
    }

    /// First the roles, then the mount: whoever breaks off between leaves a mount with fewer roles, and no roles for a
    /// later mount of the same path.
    async fn delete_mount(&self, path: &str, awaited: &mut Awaited) -> Result<(), StoreError> {
        let seen = self.seen();
        let mounts: Vec<&GateMount> =
            seen.mounts.values().map(AsRef::as_ref).filter(|mount| mount.path() == path).collect();
        let of_mount = |role: &&GateRole| {
            mounts.iter().any(|mount| mount.metadata.name.as_ref() == Some(&role.spec.mount_ref.name))
        };
        let roles: Vec<&GateRole> = seen.roles.values().map(AsRef::as_ref).filter(of_mount).collect();
        let api = self.api();
        stream::iter(roles.iter().map(|role| delete(&api, *role)))
            .buffer_unordered(DELETIONS)
            .try_collect::<Vec<()>>()
            .await?;
        for role in roles {
            awaited.gone(role, |seen| &seen.roles);
        }
        for mount in mounts {
            delete(&self.api(), mount).await?;
            awaited.gone(mount, |seen| &seen.mounts);
            self.forget_reviewers(mount, None).await;
        }
        Ok(())
    }
}
