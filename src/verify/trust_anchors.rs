//! The certificates that an API server's own is checked against.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use http::Uri;

use super::LocalCluster;
use super::error::AskError;
use super::pod_files::read;
use crate::core::keys::parse_ca_bundle;
use crate::core::mount::{MountConfig, ignored_blocks};

/// Where they come from.
#[derive(Debug)]
pub(super) enum TrustAnchors {
    /// The mount's `kubernetes_ca_cert`.
    Configured(String),
    /// The pod's file, which changes in place.
    Pod(PathBuf),
    /// The operating system.
    System,
    /// Nowhere: nothing is encrypted.
    Plain,
}

impl TrustAnchors {
    pub(super) fn new(config: &MountConfig, url: Option<&Uri>, local: &LocalCluster) -> Self {
        if url.and_then(Uri::scheme_str) == Some("http") {
            Self::Plain
        } else if !config.kubernetes_ca_cert.is_empty() {
            Self::Configured(config.kubernetes_ca_cert.clone())
        } else if config.disable_local_ca_jwt {
            Self::System
        } else {
            Self::Pod(local.ca_file.clone())
        }
    }

    /// The pod's file, where it comes from there.
    pub(super) fn file(&self) -> Option<&Path> {
        if let Self::Pod(file) = self { Some(file) } else { None }
    }

    /// Their PEM text as of now; empty for those that have none. Reads a file.
    pub(super) fn pem(&self) -> Result<Cow<'_, [u8]>, AskError> {
        Ok(match self {
            Self::Configured(pem) => Cow::Borrowed(pem.as_bytes()),
            Self::Pod(file) => Cow::Owned(read(file).map_err(AskError::LocalCa)?),
            Self::System | Self::Plain => Cow::default(),
        })
    }

    /// The certificates of such a text in DER; none for the system's own.
    pub(super) fn certificates(&self, pem: &[u8]) -> Result<Option<Vec<Vec<u8>>>, AskError> {
        match self {
            Self::System => return Ok(None),
            Self::Plain => return Ok(Some(Vec::new())),
            Self::Configured(_) | Self::Pod(_) => {}
        }
        let bundle = parse_ca_bundle(pem).map_err(|error| AskError::Ca(error.into()))?;
        // Of a config it is said when it is written or loaded.
        if matches!(self, Self::Pod(_)) && !bundle.ignored.is_empty() {
            tracing::warn!(
                cause = ignored_blocks("the pod's CA file", &bundle.ignored),
                "a part of it is ignored"
            );
        }
        Ok(Some(bundle.certificates))
    }
}
