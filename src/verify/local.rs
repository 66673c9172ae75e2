//! The files that Kubernetes gives to a pod.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// More than any token or bundle of certificates has.
const MAX_BYTES: u64 = 1 << 20;

/// The cluster that this process runs in, if it runs in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalCluster {
    /// The pod's own token; read again for every question, since Kubernetes replaces it.
    pub token_file: PathBuf,
    /// The certificates of the pod's API server; read again likewise.
    pub ca_file: PathBuf,
    /// The API server's address (`KUBERNETES_SERVICE_HOST`).
    pub service_host: Option<String>,
}

impl Default for LocalCluster {
    /// Where Kubernetes puts them.
    fn default() -> Self {
        let folder = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
        Self { token_file: folder.join("token"), ca_file: folder.join("ca.crt"), service_host: None }
    }
}

/// The content of a file, at most a mebibyte of it.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(file)?.take(MAX_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// What tells a file from what it was before: device, inode, length, and the time of its last change.
pub(super) type Stamp = (u64, u64, u64, i64, i64);

/// The stamp of a file; none where there is none.
pub(super) fn stamp(file: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.dev(), about.ino(), about.size(), about.ctime(), about.ctime_nsec()))
}
