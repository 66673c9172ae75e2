//! What the `kubernetes` store is opened with.

use std::sync::Arc;

use crate::app::{Shared, StartError};
use crate::ports::store::Store;
use crate::store::kubernetes::World;

/// What the store is given of this process.
pub(super) fn world(shared: &Shared, kept: Arc<dyn Store>) -> Result<World, StartError> {
    let mut random = [0; 4];
    shared.random.fill(&mut random)?;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "rolegate" } else { host.trim() };
    Ok(World {
        snapshots: shared.snapshots.clone(),
        health: shared.health.clone(),
        metrics: shared.metrics.clone(),
        pending: shared.readiness.pending("store"),
        identity: format!("{host}-{:08x}", u32::from_ne_bytes(random)),
        kept,
    })
}
