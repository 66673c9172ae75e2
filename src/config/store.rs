//! Where mounts and roles come from.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// `store`: which store, and where it keeps things.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum Store {
    /// Nothing is kept.
    Memory,
    /// One YAML file that people write.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A database of this process.
    Embedded {
        /// Its directory.
        path: PathBuf,
    },
    /// Custom resources and Secrets in the API server.
    Kubernetes {
        /// Their namespace.
        namespace: String,
    },
}

impl Store {
    /// Whether this version can open it.
    ///
    /// # Errors
    /// Where it cannot; `file` is the configuration that names the store.
    pub fn check_supported(&self, file: &Path) -> Result<(), ConfigError> {
        match self {
            Self::Memory | Self::File { .. } => Ok(()),
            Self::Embedded { .. } | Self::Kubernetes { .. } => Err(ConfigError::new(
                file,
                "store.type",
                "expected `memory` or `file`, this version has no other",
            )),
        }
    }

    pub(super) fn path_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File { path } | Self::Embedded { path } => Some(path),
            Self::Memory | Self::Kubernetes { .. } => None,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::Embedded { path: PathBuf::from("/var/lib/rolegate") }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default, rename = "type")]
    kind: Kind,
    path: Option<PathBuf>,
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Memory,
    File,
    #[default]
    Embedded,
    Kubernetes,
}

impl TryFrom<Keys> for Store {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        match (keys.kind, keys.path) {
            (Kind::Memory, _) => Ok(Self::Memory),
            (Kind::File, Some(path)) => Ok(Self::File { path }),
            (Kind::File, None) => Err("expected `path`, the YAML file, beside `type: file`"),
            (Kind::Embedded, Some(path)) => Ok(Self::Embedded { path }),
            (Kind::Embedded, None) => Ok(Self::default()),
            (Kind::Kubernetes, _) => {
                Ok(Self::Kubernetes { namespace: keys.namespace.unwrap_or_else(|| "rolegate".to_owned()) })
            }
        }
    }
}
