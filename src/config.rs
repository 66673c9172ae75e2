//! What the operator says: the configuration file and the environment, checked.

mod envoy;
mod error;
mod layers;
mod limits;
mod listener;
mod parsed;
mod path_prefix;
mod proxy;
mod route;
mod settings;
mod size;
mod store;
mod text;
mod token_source;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use envoy::{ClientAddress, EnvoyDoor, HeaderPrefix, UndecidedAnswer};
pub use error::ConfigError;
pub use layers::Environment;
pub use limits::{EgressProxy, LocalKeys, Review, ReviewCache, Shutdown};
pub use listener::TlsFiles;
pub use path_prefix::PathPrefix;
pub use proxy::HttpProxy;
pub use route::{DefaultRole, HostName, Method, MountPath, RoleList, Route, RouteOutcome};
pub use settings::{Ops, VaultDoor};
pub use size::MaxMessageBytes;
pub use store::Store;
pub use token_source::{HeaderName, TokenSource};

use crate::core::secret::Secret;
use crate::core::store_key::StoreKey;

/// The configuration of `rolegate server`. Relative paths in it start at the file's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The Envoy door; none: not served.
    pub envoy: Option<EnvoyDoor>,
    /// The Vault door; none: not served.
    pub vault: Option<VaultDoor>,
    /// Health and metrics.
    pub ops: Ops,
    /// Where mounts and roles come from.
    pub store: Store,
    /// TokenReviews and what is remembered of them.
    pub review: Review,
    /// How the process ends.
    pub shutdown: Shutdown,
    /// A file that holds the root token.
    pub root_token_file: Option<PathBuf>,
}

/// A configuration, and what else the environment says.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file under the environment's overrides.
    pub config: Config,
    /// `ROLEGATE_ROOT_TOKEN`
    pub root_token: Option<Secret>,
    /// `ROLEGATE_STORE_KEY`; [`Store::key`] tells whether it or a file counts.
    pub store_key: Option<StoreKey>,
    /// `KUBERNETES_SERVICE_HOST`: the API server of the cluster that this process runs in.
    pub kubernetes_service_host: Option<String>,
    /// `HTTPS_PROXY` and `NO_PROXY`, where `review.proxy` is `environment`.
    pub proxy: Option<HttpProxy>,
    /// `KUBECONFIG` names a file: that of rolegate's own cluster, where the process does not run in it.
    pub has_kubeconfig: bool,
    /// One sentence for each variable that means nothing.
    pub warnings: Vec<String>,
}

const NO_PROXY_NAMED: &str =
    "`review.proxy` is `environment`, but `HTTPS_PROXY` is not set: API servers are asked directly";

impl Config {
    /// Reads the file, lays the environment over it and checks all of it.
    ///
    /// # Errors
    /// With one line that names file or variable, key, and what is expected there.
    pub fn load(file: &Path, environment: Environment) -> Result<Loaded, ConfigError> {
        let (mut config, mut warnings) = layers::extract(file, &environment)?;
        config.check(file)?;
        config.rebase(file.parent().unwrap_or(Path::new("")));
        let store_key = environment.store_key()?;
        let proxy = match config.review.proxy {
            EgressProxy::None => None,
            EgressProxy::Environment => environment.proxy.proxy()?,
        };
        if config.review.proxy == EgressProxy::Environment && proxy.is_none() {
            warnings.push(NO_PROXY_NAMED.to_owned());
        }
        Ok(Loaded {
            config,
            root_token: environment.root_token,
            store_key,
            kubernetes_service_host: environment.kubernetes_service_host,
            proxy,
            has_kubeconfig: environment.has_kubeconfig,
            warnings,
        })
    }

    /// What no single key can tell.
    fn check(&self, file: &Path) -> Result<(), ConfigError> {
        let wrong = |key: &str, expected: &str| Err(ConfigError::new(file, key, expected));
        if self.envoy.is_none() && self.vault.is_none() {
            return wrong("envoy", "a door to serve is expected: `envoy`, `vault` or both");
        }
        if let Some(door) = &self.envoy {
            listener::check(file, "envoy", door.listen, door.tls.as_ref(), door.plaintext)?;
        }
        if let Some(door) = &self.vault {
            listener::check(file, "vault", door.listen, door.tls.as_ref(), door.plaintext)?;
        }
        Ok(())
    }

    fn rebase(&mut self, directory: &Path) {
        let doors = [
            self.envoy.as_mut().and_then(|door| door.tls.as_mut()),
            self.vault.as_mut().and_then(|door| door.tls.as_mut()),
        ];
        for path in doors.into_iter().flatten().flat_map(TlsFiles::paths_mut) {
            *path = directory.join(&path);
        }
        for path in self.store.paths_mut() {
            *path = directory.join(&path);
        }
        if let Some(path) = &mut self.root_token_file {
            *path = directory.join(&path);
        }
    }
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
        let variables = std::env::vars_os();
        let text = |text: OsString| text.into_string().ok();
        Self::new(variables.filter_map(|(name, value)| text(name).zip(text(value))))
    }
}

/// One variable of this process's environment, for what is not the operator's word but that of the program which has
/// started this one.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests;
