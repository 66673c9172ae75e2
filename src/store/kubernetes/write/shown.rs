//! Whether what was written has been published.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::put::{Object, Written};
use crate::store::kubernetes::feed::{Objects, Seen};

/// How long a writer waits for its own write to be published.
const PATIENCE: Duration = Duration::from_secs(5);

type Sight = Box<dyn Fn(&Seen) -> bool + Send + Sync>;

/// What a writer wants to see.
#[derive(Default)]
pub(super) struct Awaited(Vec<Sight>);

impl Awaited {
    /// An object in this state, or in a later one.
    pub(super) fn put<K: Object>(&mut self, written: Written, of: fn(&Seen) -> &Objects<K>) {
        self.0.push(Box::new(move |seen| {
            of(seen).get(&written.name).is_some_and(|object| {
                let meta = object.meta();
                meta.uid.as_ref() == Some(&written.uid)
                    && is_reached(meta.resource_version.as_deref().unwrap_or_default(), &written.version)
            })
        }));
    }

    /// That an object is gone.
    pub(super) fn gone<K: Object>(&mut self, gone: &K, of: fn(&Seen) -> &Objects<K>) {
        let (name, uid) = (gone.meta().name.clone().unwrap_or_default(), gone.meta().uid.clone());
        self.0.push(Box::new(move |seen| of(seen).get(&name).is_none_or(|object| object.meta().uid != uid)));
    }

    /// Waits until all of it is published, 5 s at most. The API server has what was written then, and the caller is
    /// told so: it is not undone because this replica lags behind.
    pub(super) async fn shown(self, mut seen: watch::Receiver<Arc<Seen>>) {
        let all = seen.wait_for(|seen| self.0.iter().all(|sight| sight(seen)));
        if !matches!(tokio::time::timeout(PATIENCE, all).await, Ok(Ok(_))) {
            tracing::warn!("what was written is in the API server and not yet published here");
        }
    }
}

/// Whether an object's version is another's or a later one: versions of one kind are numbers that grow.
fn is_reached(version: &str, wanted: &str) -> bool {
    match (version.parse::<u64>(), wanted.parse::<u64>()) {
        (Ok(version), Ok(wanted)) => version >= wanted,
        _ => version == wanted,
    }
}
