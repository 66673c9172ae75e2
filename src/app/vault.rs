//! The Vault door, put together.

use std::sync::Arc;

use super::keep::Kept;
use super::{Shared, StartError};
use crate::config::VaultDoor as Settings;
use crate::doors::vault::VaultDoor;
use crate::gate::Gate;
use crate::net::{Bound as Listener, Limits, Listen, Protocol};
use crate::ports::administrators::Administrators;
use crate::record::Recorder;
use crate::tokens::entities::Entities;
use crate::vault::kubernetes::Kubernetes;
use crate::vault::service::Vault;
use crate::verify::Verifier;

/// Takes the port and puts the handlers behind it.
pub(super) fn bind(
    shared: &Shared,
    settings: &Settings,
    verifier: &Verifier,
    kept: &Kept,
    administrators: Option<Arc<dyn Administrators>>,
) -> Result<(Listener, Arc<VaultDoor>), StartError> {
    let listen = Listen {
        name: "vault",
        addr: settings.listen,
        tls: settings.tls.clone(),
        protocol: Protocol::Http1AndHttp2,
        // What HTTP/2 takes ahead of its readers comes on top of the door's own bound on bodies.
        limits: Limits {
            streams: 256,
            stream_window: 256 << 10,
            connection_window: 1 << 20,
            ..Limits::default()
        },
    };
    let listener = Listener::bind(listen, &shared.health)?;
    let gate = Gate::new(shared.snapshots.cell(), verifier.clone(), Arc::clone(&shared.clock));
    let gone = Arc::new(verifier.clone());
    let vault = Vault::new(
        Kubernetes::new(gate, kept.catalog.clone(), Arc::new(verifier.clone()))
            .with_notices(shared.notices.clone()),
        kept.catalog.clone(),
        Arc::clone(&kept.tokens),
        Entities::new(Arc::clone(&kept.store), Arc::clone(&shared.random)),
        Arc::clone(&shared.random),
        Recorder::new(shared.metrics.clone()),
    )
    .with_gone(gone)
    .with_copies(kept.copies.clone())
    .with_administrators(administrators);
    let door = VaultDoor::new(
        Arc::new(vault),
        settings,
        shared.readiness.clone(),
        shared.metrics.clone(),
        Arc::clone(&shared.clock),
        Arc::clone(&shared.random),
        Arc::clone(&kept.cluster_id),
    );
    Ok((listener, Arc::new(door)))
}
