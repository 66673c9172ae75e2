//! The connection to one mount's API server: its client and the reviewer's header, kept up to date with the pod's files.

use std::sync::{Arc, MutexGuard, PoisonError};

use http::HeaderValue;
use tokio::time::{Instant, timeout_at};

use super::ApiServer;
use crate::verify::client::Client;
use crate::verify::error::AskError;
use crate::verify::pod_files::{Stamp, stamp};
use crate::verify::proxy::Egress;

/// How the API server is asked.
pub(super) struct Connection {
    client: Client,
    reviewer: Option<HeaderValue>,
    // What the client was made with.
    pem: Vec<u8>,
    // What the pod's files were when they were read.
    files: [Option<Stamp>; 2],
}

impl ApiServer {
    /// A client and the reviewer's header. The pod's files are read again when they have changed.
    pub(super) async fn connection(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<(Client, Option<HeaderValue>), AskError> {
        if let Some(connection) = &*self.lock()
            && connection.files == self.stamps()
        {
            return Ok((connection.client.clone(), connection.reviewer.clone()));
        }
        let server = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || server.connect());
        let read = timeout_at(deadline, read).await.map_err(|_| AskError::TimedOut(self.timeout))?;
        read.map_err(|error| AskError::Local(error.into()))?
    }

    /// The connection as the pod's files are now; the client is another only where the certificates are.
    fn connect(&self) -> Result<(Client, Option<HeaderValue>), AskError> {
        let url = self.url.as_ref().ok_or(AskError::Host)?;
        // Before what they stamp: a file that changes in between is read again.
        let files = self.stamps();
        let pem = self.roots.pem()?;
        let reviewer = self.reviewer.header()?;
        let mut connection = self.lock();
        let client = match &*connection {
            Some(connection) if connection.pem == *pem => connection.client.clone(),
            _ => {
                let (roots, tunnel) =
                    (self.roots.certificates(&pem)?, self.egress.as_ref().map(Egress::tunnel));
                Client::new(url, roots, tunnel.transpose()?, self.connections, self.timeout)?
            }
        };
        let pem = pem.into_owned();
        *connection = Some(Connection { client: client.clone(), reviewer: reviewer.clone(), pem, files });
        Ok((client, reviewer))
    }

    /// What the pod's files are at this moment, where they are used: two system calls on a file system in memory, far
    /// less than a thread that reads them.
    fn stamps(&self) -> [Option<Stamp>; 2] {
        [self.roots.file(), self.reviewer.file()].map(|file| file.and_then(stamp))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
