//! The files that Kubernetes gives to a pod.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Whether the token was ever there.
    pub token_seen: TokenSeen,
}

/// Whether the pod's token was ever there in the life of this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct TokenSeen(Arc<AtomicBool>);

impl TokenSeen {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl PartialEq for TokenSeen {
    /// What a process has seen does not tell one cluster from another.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TokenSeen {}

impl LocalCluster {
    /// Notes whether there is a token now, so that one that is missing later counts as missing.
    pub(super) fn look_for_token(&self) {
        if stamp(&self.token_file).is_some() {
            self.token_seen.set();
        }
    }
}

impl Default for LocalCluster {
    /// Where Kubernetes puts them.
    fn default() -> Self {
        let folder = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
        Self {
            token_file: folder.join("token"),
            ca_file: folder.join("ca.crt"),
            service_host: None,
            token_seen: TokenSeen::default(),
        }
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
