//! Signatures under the keys that API servers publish, before any review.
//!
//! The keys of a mount come from its own API server alone, asked by the mount's reviewer, and never by a token under
//! review. They may deny, and they never allow. Whatever strangers send, they are read at most once in ten seconds.

mod key_set;
mod mount_keys;
mod reading;
mod schedule;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::api_server::ApiServer;
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, Snapshot};
use crate::core::token::UnverifiedToken;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::Clock;
use mount_keys::MountKeys;

/// Mounts whose keys are held; the tokens of more are reviewed without a look at keys.
const MAX_MOUNTS: usize = 4096;
/// Mounts whose keys are read at a time without a token that names one. A token's mount waits for none of them.
const LOADING: usize = 64;

/// The published keys of all mounts.
pub(super) struct LocalKeys {
    /// None where they are switched off.
    environment: Option<Arc<Environment>>,
    mounts: RwLock<HashMap<Arc<str>, Arc<MountKeys>>>,
    loading: Arc<Semaphore>,
}

/// What all mounts share.
struct Environment {
    ttl: Duration,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    health: Health,
    tasks: TaskTracker,
}

impl LocalKeys {
    /// Nothing is read yet. Readings are among `tasks`.
    pub(super) fn new(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        metrics: &Metrics,
        health: &Health,
        tasks: &TaskTracker,
    ) -> Self {
        let environment = settings.local_keys_ttl.map(|ttl| {
            Arc::new(Environment {
                ttl,
                timeout: settings.timeout,
                clock: Arc::clone(clock),
                metrics: metrics.clone(),
                health: health.clone(),
                tasks: tasks.clone(),
            })
        });
        Self { environment, mounts: RwLock::default(), loading: Arc::new(Semaphore::new(LOADING)) }
    }

    /// What the mount's keys say of a token's signature, as far as they were read. Does not wait; keys that are missing or
    /// old are read in the background.
    pub(super) fn check(
        &self,
        mount: &Arc<Mount>,
        token: &UnverifiedToken<'_>,
        api_server: impl FnOnce() -> Option<Arc<ApiServer>>,
    ) -> LocalSignature {
        let Some(keys) = self.of(mount) else { return LocalSignature::Unknown };
        let (said, is_to_be_read) = keys.check(token);
        if is_to_be_read
            && let (Ok(runtime), Some(environment)) = (Handle::try_current(), &self.environment)
            && let Some(under_way) = keys.begin()
            && let Some(api_server) = api_server()
        {
            environment.tasks.spawn_on(under_way.read(api_server), &runtime);
        }
        said
    }

    /// To be called from time to time, and for each new set: lets go what belongs to mounts, or generations of mounts, that
    /// are not in the set, and reads keys that are due, those of new mounts first of all.
    pub(super) fn keep_only(
        &self,
        set: &Snapshot,
        api_server: impl Fn(&Arc<Mount>) -> Option<Arc<ApiServer>>,
    ) {
        let (Some(environment), Ok(runtime)) = (&self.environment, Handle::try_current()) else { return };
        self.mounts.write().unwrap_or_else(PoisonError::into_inner).retain(|path, keys| {
            let is_there = set.mount(path).is_some_and(|mount| mount.generation <= keys.generation);
            if !is_there {
                keys.forget();
            }
            is_there
        });
        for mount in set.mounts.values() {
            let Some(keys) = self.of(mount).filter(|keys| keys.queue()) else { continue };
            let Some(api_server) = api_server(mount) else { continue };
            let loading = Arc::clone(&self.loading);
            let load = async move {
                let Ok(_turn) = loading.acquire().await else { return };
                if let Some(under_way) = keys.begin_queued() {
                    under_way.read(api_server).await;
                }
            };
            environment.tasks.spawn_on(load, &runtime);
        }
    }

    /// The keys of this generation of the mount; none where they are not looked at.
    fn of(&self, mount: &Arc<Mount>) -> Option<Arc<MountKeys>> {
        let environment = self.environment.as_ref()?;
        if !mount.config.as_ref()?.pem_keys.is_empty() {
            return None;
        }
        let known = self.mounts.read().unwrap_or_else(PoisonError::into_inner).get(&mount.path).cloned();
        // Generations grow: an older one is that of a request which began before.
        match known {
            Some(keys) if keys.generation == mount.generation => return Some(keys),
            Some(keys) if keys.generation > mount.generation => return None,
            _ => {}
        }
        let mut mounts = self.mounts.write().unwrap_or_else(PoisonError::into_inner);
        if mounts.len() >= MAX_MOUNTS && !mounts.contains_key(&mount.path) {
            return None;
        }
        let keys = mounts
            .entry(Arc::clone(&mount.path))
            .or_insert_with(|| Arc::new(MountKeys::new(&mount.path, mount.generation, environment)));
        if keys.generation < mount.generation {
            keys.forget();
            *keys = Arc::new(MountKeys::new(&mount.path, mount.generation, environment));
        }
        (keys.generation == mount.generation).then(|| Arc::clone(keys))
    }
}

impl std::fmt::Debug for LocalKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalKeys").field("loading", &self.loading).finish_non_exhaustive()
    }
}
