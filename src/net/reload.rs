//! The certificate of a listener, kept up to date with its files.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::tls::Material;
use super::{TlsError, TlsFiles};
use crate::errors::with_causes;
use crate::health::Health;

/// What new connections of a listener are greeted with.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    name: &'static str,
    files: TlsFiles,
    health: Health,
    loaded: [u8; 32],
    current: Arc<ArcSwap<ServerConfig>>,
}

impl Tls {
    pub(super) fn load(name: &'static str, files: TlsFiles, health: Health) -> Result<Self, TlsError> {
        let material = Material::read(&files)?;
        let current = Arc::new(ArcSwap::new(material.configuration(&files)?));
        Ok(Self { name, files, health, loaded: material.digest(), current })
    }

    /// Whether clients must show a certificate.
    pub(super) const fn needs_certificate(&self) -> bool {
        self.files.client_ca_file.is_some()
    }

    /// An acceptor with the certificate as it is now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Looks at the files again and again. Content counts, so every way of replacing a file is seen.
    pub(super) async fn watch(mut self, every: Duration) {
        let mut last_trouble = None;
        loop {
            tokio::time::sleep(every).await;
            let files = self.files.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || Material::read(&files)).await else {
                continue;
            };
            let outcome = self.take(read);
            self.tell(outcome, &mut last_trouble);
        }
    }

    /// Swaps new content in. True if it was new.
    fn take(&mut self, read: Result<Material, TlsError>) -> Result<bool, TlsError> {
        let material = read?;
        let digest = material.digest();
        if digest == self.loaded {
            return Ok(false);
        }
        self.current.store(material.configuration(&self.files)?);
        self.loaded = digest;
        Ok(true)
    }

    /// Logs a change. A trouble counts when two looks find the same: until then the files may be half written.
    fn tell(&self, outcome: Result<bool, TlsError>, last_trouble: &mut Option<String>) {
        let subject = format!("tls {}", self.name);
        match outcome {
            Ok(new) => {
                if new {
                    tracing::info!(listener = self.name, "new certificate files are in use");
                }
                if self.health.recovered(&subject) && !new {
                    tracing::info!(listener = self.name, "the certificate files are good again");
                }
                *last_trouble = None;
            }
            Err(error) => {
                // Certificate errors hold file names, never content.
                let cause = with_causes(&error);
                if last_trouble.as_ref() == Some(&cause)
                    && self.health.trouble(&subject, &format!("{cause}; the last good files stay in use"))
                {
                    tracing::warn!(listener = self.name, %cause, "bad certificate files, the last good ones stay");
                }
                *last_trouble = Some(cause);
            }
        }
    }
}
