//! What a core says to a plugin that it starts, in variables, and the one line that the plugin says back.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};

/// By this a core tells that it is one. Vault and OpenBao use the same; it is no secret.
const COOKIE: (&str, &str) = ("VAULT_BACKEND_PLUGIN", "6669da05-b1c8-4f49-97d9-c8e5bed98e20");

/// The version of a core's plugin protocol that is spoken.
const APP_PROTOCOL: &str = "5";

/// What a core has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The one peer: its certificate, made for this process alone.
    pub core_certificate: CertificateDer<'static>,
    /// Where the socket has to be; none: in the directory for temporary files.
    pub socket_directory: Option<PathBuf>,
    /// The group, by name or number, that may connect to the socket besides its owner.
    pub socket_group: Option<String>,
    /// Memory is to be kept out of the swap space.
    pub lock_memory: bool,
    /// The core's version, if it says so.
    pub core_version: Option<String>,
    /// The core has asked for all connections on one socket, which is answered with no.
    asked_for_one_socket: bool,
}

/// Why a core is not served.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// Another version of the protocol, such as what a core offers after a first failure.
    #[error("the core offers version `{0}` of the plugin protocol, only version 5 is spoken")]
    Version(String),
    /// There is nothing to know the core by.
    #[error("the core gives no certificate in `PLUGIN_CLIENT_CERT`, it is not served without")]
    NoCertificate,
    /// What should be a certificate is none.
    #[error("`PLUGIN_CLIENT_CERT` holds no certificate in PEM form")]
    Certificate(#[source] pem::Error),
}

/// Whether a core has started this process. `variable` gives the value of a variable of the environment.
pub fn is_started_by_core(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable(COOKIE.0).is_some_and(|cookie| cookie == COOKIE.1)
}

impl Handshake {
    /// Reads what the core has said. `variable` gives the value of a variable of the environment; no others than these
    /// count, so that what configures the core does not configure its plugin.
    ///
    /// # Errors
    /// Where the core speaks another version of the protocol, or gives no certificate.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, HandshakeError> {
        let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
        // OpenBao gives both; Vault the latter.
        let of_core =
            |name: &str| filled(&format!("BAO_{name}")).or_else(|| filled(&format!("VAULT_{name}")));
        let versions = filled("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        if !versions.split(',').any(|version| version.trim() == APP_PROTOCOL) {
            return Err(HandshakeError::Version(versions));
        }
        let certificate = filled("PLUGIN_CLIENT_CERT").ok_or(HandshakeError::NoCertificate)?;
        let core_certificate =
            CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(HandshakeError::Certificate)?;
        Ok(Self {
            core_certificate,
            socket_directory: filled("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            socket_group: filled("PLUGIN_UNIX_SOCKET_GROUP"),
            lock_memory: of_core("PLUGIN_MLOCK_ENABLED").is_some_and(|value| value == "true"),
            core_version: of_core("VERSION"),
            asked_for_one_socket: filled("PLUGIN_MULTIPLEX_GRPC").is_some(),
        })
    }

    /// The line, without its end: where the plugin listens and by which certificate it is known.
    pub fn answer(&self, socket: &Path, certificate: &CertificateDer<'_>) -> String {
        let certificate = STANDARD_NO_PAD.encode(certificate);
        let line = format!("1|{APP_PROTOCOL}|unix|{}|grpc|{certificate}", socket.display());
        if self.asked_for_one_socket { line + "|false" } else { line }
    }
}

#[cfg(test)]
mod tests;
