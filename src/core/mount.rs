//! Mounts, and the immutable snapshot of them that requests read.

pub mod about;
mod at_rest;
pub mod decode;
mod host;
mod notices;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use about::MountAbout;
pub use at_rest::NotAConfig;
pub use host::HostFault;
pub use notices::{Notice, ignored_blocks};

use super::role::Role;
use super::secret::Secret;

/// One Kubernetes cluster under one path, as in Vault.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The path below `auth/`, without slashes at its ends: `kubernetes`, `clusters/eu1`.
    pub path: Arc<str>,
    /// Differs after every change of the configuration and after re-creation, never repeats in a process.
    pub generation: u64,
    /// What `sys/auth` tells of it.
    pub about: Arc<MountAbout>,
    /// What `auth/<mount>/config` holds; none until it is written, or where it is unusable.
    pub config: Option<Arc<MountConfig>>,
    /// The roles by their lower-case names.
    pub roles: HashMap<Box<str>, Arc<Role>>,
}

impl Mount {
    /// A mount without config and roles.
    pub fn new(path: &str, generation: u64, about: MountAbout) -> Self {
        Self { path: path.into(), generation, about: Arc::new(about), config: None, roles: HashMap::new() }
    }

    /// The role of that name in any case, as in Vault.
    pub fn role(&self, name: &str) -> Option<&Arc<Role>> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            self.roles.get(name.to_lowercase().as_str())
        } else {
            self.roles.get(name)
        }
    }
}

/// What `auth/<mount>/config` holds, with Vault's field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountConfig {
    /// The API server's URL.
    pub kubernetes_host: String,
    /// PEM certificates that the API server's certificate is checked against; empty: the pod's, else the system's.
    pub kubernetes_ca_cert: String,
    /// The bearer for reviews; none: the pod's own token, else the login token.
    pub token_reviewer_jwt: Option<Secret>,
    /// PEM public keys or certificates; where any is given, one of them must have signed the token.
    pub pem_keys: Vec<String>,
    /// Compared with `iss` where `disable_iss_validation` is false and this is not empty.
    pub issuer: String,
    /// True by default.
    pub disable_iss_validation: bool,
    /// True: neither the pod's CA nor its token is used.
    pub disable_local_ca_jwt: bool,
    /// True: annotations of the service account become alias metadata at login.
    pub use_annotations_as_alias_metadata: bool,
}

impl MountConfig {
    /// The issuer that tokens must name, if any.
    pub fn demanded_issuer(&self) -> Option<&str> {
        (!self.disable_iss_validation && !self.issuer.is_empty()).then_some(self.issuer.as_str())
    }
}

/// All mounts and policies at one moment; swapped whole.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The mounts by path.
    pub mounts: HashMap<Box<str>, Arc<Mount>>,
    /// ACL policy texts by name.
    pub policies: Arc<BTreeMap<String, Arc<str>>>,
}

impl Snapshot {
    /// The mount of that path; slashes at its ends do not count.
    pub fn mount(&self, path: &str) -> Option<&Arc<Mount>> {
        self.mounts.get(path.trim_matches('/'))
    }

    /// The mount whose accessor this is.
    pub fn mount_by_accessor(&self, accessor: &str) -> Option<&Arc<Mount>> {
        self.mounts.values().find(|mount| *mount.about.accessor == *accessor)
    }
}
