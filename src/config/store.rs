//! Where mounts and roles come from.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use crate::core::store_key::StoreKey;

/// Where the embedded store is, if nothing else is said.
const EMBEDDED_PATH: &str = "/var/lib/rolegate";

/// The namespace of the custom resources, if nothing else is said.
const NAMESPACE: &str = "rolegate";

/// The variable that holds the store's key.
pub(super) const KEY_VARIABLE: &str = "ROLEGATE_STORE_KEY";

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
        /// A file that holds the key that seals its secrets.
        key_file: Option<PathBuf>,
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
            Self::Memory | Self::File { .. } | Self::Embedded { .. } => Ok(()),
            Self::Kubernetes { .. } => Err(ConfigError::new(
                file,
                "store.type",
                "expected `memory`, `file` or `embedded`, this version has no other",
            )),
        }
    }

    /// The key that seals the store's secrets: that of the environment or that of its file; none: they are not sealed.
    ///
    /// # Errors
    /// Where the file holds no key, or the key is given twice; `file` is the configuration that names the store.
    pub fn key(&self, file: &Path, environment: Option<StoreKey>) -> Result<Option<StoreKey>, ConfigError> {
        let Self::Embedded { key_file: Some(path), .. } = self else { return Ok(environment) };
        let wrong = |expected: String| ConfigError::new(file, "store.key_file", expected);
        if environment.is_some() {
            return Err(wrong(format!("expected either this or the variable `{KEY_VARIABLE}`, found both")));
        }
        let text = std::fs::read_to_string(path).map_err(|cause| {
            wrong(format!("expected a file that can be read: `{}`: {cause}", path.display()))
        })?;
        StoreKey::parse(&text).map(Some).map_err(|cause| wrong(format!("`{}`: {cause}", path.display())))
    }

    /// The namespace of the custom resources, which administrators' rights are asked for in, whatever the store is.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Kubernetes { namespace } => namespace,
            _ => NAMESPACE,
        }
    }

    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let (path, key_file) = match self {
            Self::File { path } => (Some(path), None),
            Self::Embedded { path, key_file } => (Some(path), key_file.as_mut()),
            Self::Memory | Self::Kubernetes { .. } => (None, None),
        };
        path.into_iter().chain(key_file)
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::Embedded { path: PathBuf::from(EMBEDDED_PATH), key_file: None }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default, rename = "type")]
    kind: Kind,
    path: Option<PathBuf>,
    key_file: Option<PathBuf>,
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
            (Kind::Embedded, path) => Ok(Self::Embedded {
                path: path.unwrap_or_else(|| PathBuf::from(EMBEDDED_PATH)),
                key_file: keys.key_file,
            }),
            (Kind::Kubernetes, _) => {
                Ok(Self::Kubernetes { namespace: keys.namespace.unwrap_or_else(|| NAMESPACE.to_owned()) })
            }
        }
    }
}
