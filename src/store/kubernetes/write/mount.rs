//! A mount and its config: one GateMount.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kube::{Api, ResourceExt as _};

use super::put::{Basis, Put, annotated, delete};
use super::shown::Awaited;
use super::{Declared, name};
use crate::core::mount::{MountAbout, MountConfig};
use crate::ports::store::StoreError;
use crate::store::kubernetes::convert::{mount_spec, unreadable};
use crate::store::kubernetes::feed::is_at;
use crate::store::kubernetes::resources::{GateMount, GateRole, MountSpec};

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
        let before = seen.mount_at(path);
        if let Some(before) = before {
            readable(before)?;
        }
        let put = Put {
            api: &self.api(),
            claims: &self.api(),
            before,
            names: name::of_mount(path),
            basis: Basis::Laid,
        };
        let is_it = |mount: &GateMount| is_at(mount, path);
        let make = |old: Option<&GateMount>| {
            let (told, annotations) = mount_spec(path, &about, None, None);
            let spec = match old {
                Some(old) => with_about(old.spec.clone(), told),
                None => told,
            };
            annotated(GateMount::new("", spec), annotations)
        };
        let (written, _replaced) = put.write(is_it, make).await?;
        awaited.put(written, |seen| &seen.mounts);
        Ok(())
    }

    /// Sets the config of a mount that is there. A reviewer's token is written first, into a Secret of its own, so that
    /// it never meets another host than its own.
    pub(super) async fn config(&self, path: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        let config = match value {
            Some(value) => {
                Some(MountConfig::from_json(value).map_err(|error| StoreError::Failed(error.into()))?)
            }
            None => None,
        };
        let seen = self.seen();
        let before = seen.mount_at(path).ok_or(StoreError::Conflict)?;
        readable(before)?;
        let jwt = config.as_ref().and_then(|config| config.token_reviewer_jwt.as_ref());
        let reviewer = match jwt {
            Some(jwt) => Some(self.reviewer(before, jwt).await?),
            None => None,
        };
        let put = Put {
            api: &self.api(),
            claims: &self.api(),
            before: Some(before),
            names: name::of_mount(path),
            basis: Basis::Whole,
        };
        let make = |old: Option<&GateMount>| {
            let old = old.unwrap_or(before);
            let named = reviewer.as_ref().map(|reviewer| reviewer.name.as_str());
            let (asked, _) = mount_spec(path, &MountAbout::of_path(path), config.as_ref(), named);
            let annotations = old.metadata.annotations.clone().unwrap_or_default();
            annotated(GateMount::new("", with_about(asked, old.spec.clone())), annotations)
        };
        match put.write(|mount: &GateMount| is_at(mount, path), make).await {
            Ok((written, replaced)) => {
                let mut published = Awaited::default();
                published.put(written, |seen| &seen.mounts);
                published.shown(self.seen.clone()).await;
                let old = replaced.and_then(|replaced| replaced.spec.token_reviewer_ref);
                self.forget_reviewer(before, old.filter(|old| Some(old) != reviewer.as_ref())).await;
                Ok(())
            }
            // Nobody knows whether it was written.
            Err(error @ StoreError::Away(_)) => Err(error),
            Err(error) => {
                let new = reviewer.filter(|new| Some(new) != before.spec.token_reviewer_ref.as_ref());
                self.forget_reviewer(before, new).await;
                Err(error)
            }
        }
    }

    /// First the roles, then the mount: whoever breaks off between leaves a mount with fewer roles, and no roles for a
    /// later mount of the same path.
    async fn delete_mount(&self, path: &str, awaited: &mut Awaited) -> Result<(), StoreError> {
        let seen = self.seen();
        let mounts: Vec<&GateMount> =
            seen.mounts.values().map(AsRef::as_ref).filter(|mount| is_at(mount, path)).collect();
        let of_mount = |role: &&Arc<GateRole>| {
            mounts.iter().any(|mount| mount.metadata.name.as_ref() == Some(&role.spec.mount_ref.name))
        };
        let roles: Vec<Arc<GateRole>> = seen.roles.values().filter(of_mount).cloned().collect();
        for role in &roles {
            awaited.gone(&**role, |seen| &seen.roles);
        }
        let api: Api<GateRole> = self.api();
        let deletions = roles.into_iter().map(|role| {
            let api = api.clone();
            async move { delete(&api, &*role).await }
        });
        stream::iter(deletions).buffer_unordered(DELETIONS).try_collect::<Vec<()>>().await?;
        for mount in mounts {
            delete(&self.api(), mount).await?;
            awaited.gone(mount, |seen| &seen.mounts);
            self.forget_reviewers(mount).await;
        }
        Ok(())
    }
}

/// A part of a mount is not written over what could not be read: the rest of it would be lost.
fn readable(mount: &GateMount) -> Result<(), StoreError> {
    match unreadable(&mount.metadata) {
        None => Ok(()),
        Some(why) => Err(StoreError::Invalid(format!("the GateMount {}: {why}", mount.name_any()))),
    }
}

/// The config of the one, and what is told of the mount by the other.
fn with_about(config: MountSpec, about: MountSpec) -> MountSpec {
    MountSpec {
        path: about.path,
        description: about.description,
        default_lease_ttl: about.default_lease_ttl,
        max_lease_ttl: about.max_lease_ttl,
        token_type: about.token_type,
        listing_visibility: about.listing_visibility,
        options: about.options,
        ..config
    }
}
