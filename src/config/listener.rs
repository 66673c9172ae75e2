//! What a door listens on, and its certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::de::Deserializer;

use super::ConfigError;
use super::parsed::parsed;

/// `tls`: PEM files, read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, the door's own first.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// The CAs of clients; where given, a client must have a certificate of theirs.
    pub client_ca_file: Option<PathBuf>,
}

impl TlsFiles {
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.cert_file, &mut self.key_file].into_iter().chain(&mut self.client_ca_file)
    }
}

/// An IP address with a port.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parsed(deserializer, "an IP address and port, such as `0.0.0.0:9191`", |text| text.parse().ok())
}

/// Plaintext off the loopback must be asked for.
pub(super) fn check(
    file: &Path,
    door: &str,
    listen: SocketAddr,
    tls: Option<&TlsFiles>,
    plaintext: bool,
) -> Result<(), ConfigError> {
    let loopback = listen.ip().to_canonical().is_loopback();
    let wrong = |key: &str, expected: &str| Err(ConfigError::new(file, format!("{door}.{key}"), expected));
    match (tls, plaintext) {
        (None, false) if !loopback => wrong(
            "tls",
            &format!(
                "`{listen}` is not on the loopback: expected `cert_file` and `key_file`, or `plaintext: true` beside"
            ),
        ),
        (Some(_), true) => wrong("plaintext", "expected to be left out where `tls` is given"),
        _ => Ok(()),
    }
}
