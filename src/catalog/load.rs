//! From a store's entries to a snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::next_generation;
use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use crate::core::role::Role;
use crate::ports::store::{Entry, Key, Kind, Page, Store, StoreError};

/// How many entries are asked for at a time.
const PAGE: usize = 1024;

/// The store cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("mounts, roles and policies cannot be read from the store")]
pub struct LoadError(#[from] StoreError);

/// Everything that is declared in the store. An entry that cannot be read is logged and left out: a mount without its
/// config is not configured, a role that is not there admits nobody.
pub(super) async fn all(store: &dyn Store) -> Result<Snapshot, LoadError> {
    let mut mounts: HashMap<Box<str>, Mount> = HashMap::new();
    each(store, Kind::Mount, |path, entry| {
        let about: MountAbout = serde_json::from_slice(&entry.value).map_err(|error| error.to_string())?;
        mounts.insert(path.into(), Mount::new(path, next_generation(), about));
        Ok(())
    })
    .await?;
    each(store, Kind::Config, |path, entry| {
        let mount = mounts.get_mut(path).ok_or("no such mount")?;
        mount.config =
            Some(Arc::new(MountConfig::from_json(&entry.value).map_err(|error| error.to_string())?));
        Ok(())
    })
    .await?;
    each(store, Kind::Role, |key, entry| {
        let (path, name) = Key::role_parts(key).ok_or("no role's name")?;
        let mount = mounts.get_mut(path).ok_or("no such mount")?;
        let role = Role::from_json(name, &entry.value).map_err(|error| error.to_string())?;
        mount.roles.insert(name.into(), Arc::new(role));
        Ok(())
    })
    .await?;
    let mut policies = std::collections::BTreeMap::new();
    each(store, Kind::Policy, |name, entry| {
        let text = std::str::from_utf8(&entry.value).map_err(|error| error.to_string())?;
        policies.insert(name.to_owned(), Arc::from(text));
        Ok(())
    })
    .await?;
    let mounts = mounts.into_iter().map(|(path, mount)| (path, Arc::new(mount))).collect();
    Ok(Snapshot { mounts, policies: Arc::new(policies) })
}

/// Takes every entry of a kind.
async fn each(
    store: &dyn Store,
    kind: Kind,
    mut take: impl FnMut(&str, &Entry) -> Result<(), String>,
) -> Result<(), StoreError> {
    let mut after: Option<Box<[u8]>> = None;
    loop {
        let page = store.list(Page::of(kind, PAGE).after(after.as_deref())).await?;
        for (name, entry) in &page {
            let shown = String::from_utf8_lossy(name);
            if let Err(cause) = take(&shown, entry) {
                tracing::error!(?kind, name = %shown, cause, "an entry of the store is not good and is left out");
            }
        }
        let full = page.len() >= PAGE;
        match page.into_iter().next_back() {
            Some((last, _)) if full => after = Some(last),
            _ => return Ok(()),
        }
    }
}
