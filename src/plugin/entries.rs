//! A mount's config and roles in the core's storage, in the layout of HashiCorp's plugin: `config` and `role/<name>`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::seam::{Core, CoreError};
use crate::catalog::next_generation;
use crate::core::mount::MountConfig;
use crate::core::role::Role;
use crate::core::role::decode::is_role_name;
use crate::ports::store::{Change, Commit, Key, Kind, StoreError, Stored};

/// The key of a mount's config.
const CONFIG: &str = "config";

/// What the keys of roles begin with.
pub(super) const ROLES: &str = "role/";

/// How many roles are remembered; with the next one all are forgotten.
const REMEMBERED: usize = 10_000;

const OF_THE_CORE: &str = "all but configs and roles is kept by the core itself";

/// The entries of one mount. What was read is remembered until it is written here, or the core says that it was
/// written elsewhere.
#[derive(Debug)]
pub(super) struct Entries {
    core: Arc<dyn Core>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Counts what was forgotten: a read that began before is not remembered.
    epoch: u64,
    config: Option<Option<Configured>>,
    roles: HashMap<Box<str>, Arc<Role>>,
    /// The generation of the config that was read last, and that config.
    last: Option<Configured>,
}

/// A mount's config, with a generation that is the same as long as the config is.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) config: Arc<MountConfig>,
    pub(super) generation: u64,
}

/// Why an entry cannot be had. The texts are for the caller.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error("the entry {0:?} of the storage cannot be read: {1}")]
    Unreadable(String, String),
}

impl Entries {
    pub(super) fn new(core: Arc<dyn Core>) -> Self {
        Self { core, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The config, where there is one.
    pub(super) async fn config(&self) -> Result<Option<Configured>, EntryError> {
        let epoch = {
            let memory = self.memory();
            match &memory.config {
                Some(known) => return Ok(known.clone()),
                None => memory.epoch,
            }
        };
        let config = match self.core.get(CONFIG).await? {
            None => None,
            Some(json) => Some(MountConfig::from_json(&json).map_err(|error| unreadable(CONFIG, &error))?),
        };
        let mut memory = self.memory();
        let configured = config.map(|config| match &memory.last {
            Some(last) if *last.config == config => last.clone(),
            _ => Configured { config: Arc::new(config), generation: next_generation() },
        });
        if memory.epoch == epoch {
            memory.config = Some(configured.clone());
            memory.last.clone_from(&configured);
        }
        Ok(configured)
    }

    /// The role of that name in any case, where there is one. What is no role's name is never asked for.
    pub(super) async fn role(&self, name: &str) -> Result<Option<Arc<Role>>, EntryError> {
        if !is_role_name(name) {
            return Ok(None);
        }
        let name = name.to_lowercase();
        let epoch = {
            let memory = self.memory();
            match memory.roles.get(name.as_str()) {
                Some(known) => return Ok(Some(Arc::clone(known))),
                None => memory.epoch,
            }
        };
        let key = format!("{ROLES}{name}");
        let Some(json) = self.core.get(&key).await? else { return Ok(None) };
        let role = Arc::new(Role::from_json(&name, &json).map_err(|error| unreadable(&key, &error))?);
        let mut memory = self.memory();
        if memory.epoch == epoch {
            if memory.roles.len() >= REMEMBERED {
                memory.roles.clear();
            }
            memory.roles.insert(name.into(), Arc::clone(&role));
        }
        Ok(Some(role))
    }

    /// The names of all roles.
    pub(super) async fn role_names(&self) -> Result<Vec<String>, EntryError> {
        Ok(self.core.list(ROLES).await?)
    }

    /// The mount's longest lease in seconds.
    pub(super) async fn max_lease(&self) -> Result<i64, EntryError> {
        Ok(self.core.max_lease().await?)
    }

    /// An entry was written, here or elsewhere.
    pub(super) fn forget(&self, key: &str) {
        let mut memory = self.memory();
        memory.epoch += 1;
        if key == CONFIG {
            memory.config = None;
        } else if let Some(name) = key.strip_prefix(ROLES) {
            memory.roles.remove(name);
        }
    }

    async fn write(&self, change: Change) -> Result<(), StoreError> {
        let key = storage_key(&change.key)?;
        let done = match change.value {
            None => self.core.delete(&key).await,
            Some(value) => match self.core.get(&key).await {
                Ok(before) => self.core.put(&key, over(before.as_deref(), value)).await,
                Err(error) => Err(error),
            },
        };
        // It may have been written even where the core says otherwise.
        self.forget(&key);
        done.map_err(store_error)
    }
}

fn unreadable(key: &str, error: &impl ToString) -> EntryError {
    EntryError::Unreadable(key.to_owned(), error.to_string())
}

/// The new value, with what a later version of a plugin has put beside what is known here.
fn over(before: Option<&[u8]>, value: Vec<u8>) -> Vec<u8> {
    let object = |json| serde_json::from_slice::<Map<String, Value>>(json).ok();
    let (Some(mut kept), Some(new)) = (before.and_then(object), object(&value)) else { return value };
    if kept.keys().all(|key| new.contains_key(key)) {
        return value;
    }
    kept.extend(new);
    serde_json::to_vec(&kept).unwrap_or(value)
}

fn storage_key(key: &Key) -> Result<String, StoreError> {
    let name = String::from_utf8_lossy(&key.name);
    match (key.kind, Key::role_parts(&name)) {
        (Kind::Config, _) => Ok(CONFIG.to_owned()),
        (Kind::Role, Some((_, role))) => Ok(format!("{ROLES}{role}")),
        _ => Err(StoreError::ReadOnly(OF_THE_CORE)),
    }
}

fn store_error(error: CoreError) -> StoreError {
    match error {
        CoreError::Refused(text) => StoreError::Refused(text),
        away @ CoreError::Away(_) => StoreError::Away(away.into()),
    }
}

/// What the handlers write to. They read nothing by it: [`Entries::config`] and [`Entries::role`] have been asked before.
impl Commit for Entries {
    /// One change after the other: the core has no transactions in every version.
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        Box::pin(async move {
            for change in changes {
                self.write(change).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
