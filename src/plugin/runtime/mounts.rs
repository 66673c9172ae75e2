//! The mounts of one process: each has a backend and a connection to the core.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::announced::Announced;
use super::link::Link;
use crate::plugin::seam::{Backend, Backends, Core};
use crate::plugin::wire::runtime::ConnInfo;

/// The metadata that tells mounts apart; a core that knows of one mount alone leaves it out.
const MULTIPLEX_ID: &str = "multiplex_id";

/// All mounts, as many as the core sets up.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The core's sockets.
    pub(super) announced: Announced,
    backends: Arc<dyn Backends>,
    tls: Arc<ClientConfig>,
    open: Mutex<HashMap<String, Mount>>,
}

#[derive(Debug)]
struct Mount {
    backend: Arc<dyn Backend>,
    link: Arc<Link>,
}

impl Mounts {
    pub(super) fn new(backends: Arc<dyn Backends>, tls: Arc<ClientConfig>) -> Self {
        Self { announced: Announced::default(), backends, tls, open: Mutex::default() }
    }

    /// Connects to the socket with this number and opens a backend on it. Nothing is asked of the core.
    ///
    /// # Errors
    /// One sentence, where the socket is not announced in time or cannot be connected to.
    pub(super) async fn set_up(&self, metadata: &MetadataMap, number: u32) -> Result<(), String> {
        let Some(ConnInfo { network, address, .. }) = self.announced.take(number).await else {
            return Err(format!("the core has not announced its socket {number} in time"));
        };
        if network != "unix" {
            return Err(format!("the core's socket is of the network `{network}`, only `unix` is supported"));
        }
        let link = Link::open(PathBuf::from(address), Arc::clone(&self.tls)).await;
        let link = Arc::new(link.map_err(|error| error.to_string())?);
        let backend = self.backends.open(Arc::clone(&link) as Arc<dyn Core>);
        let before = self.lock().insert(id(metadata).to_owned(), Mount { backend, link });
        if let Some(before) = before {
            before.link.close();
        }
        Ok(())
    }

    /// The backend of the mount that a call is meant for.
    pub(super) fn of(&self, metadata: &MetadataMap) -> Result<Arc<dyn Backend>, Status> {
        let open = self.lock();
        let found = open.get(id(metadata)).map(|mount| Arc::clone(&mount.backend));
        found.ok_or_else(|| Status::unknown("no backend instance found"))
    }

    /// Forgets a mount, if it is there.
    pub(super) fn clean_up(&self, metadata: &MetadataMap) {
        if let Some(mount) = self.lock().remove(id(metadata)) {
            mount.link.close();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Mount>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(metadata: &MetadataMap) -> &str {
    metadata.get(MULTIPLEX_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}
