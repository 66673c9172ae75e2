//! The layers of a configuration: defaults, the file, the environment.

use std::path::Path;

use figment::error::Kind;
use figment::providers::Format;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde_saphyr::figment::Yaml;

use super::proxy::ProxyVariables;
use super::store::KEY_VARIABLE;
use super::{Config, ConfigError};
use crate::core::secret::Secret;
use crate::core::store_key::StoreKey;

const PREFIX: &str = "ROLEGATE_";

/// The environment variables that count.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    overrides: Vec<Variable>,
    pub(super) root_token: Option<Secret>,
    store_key: Option<Secret>,
    pub(super) kubernetes_service_host: Option<String>,
    pub(super) has_kubeconfig: bool,
    pub(super) proxy: ProxyVariables,
    /// `RUST_LOG`: what is logged.
    pub log_filter: Option<String>,
}

/// `ROLEGATE_A__B=value`: the key `a.b`. Not shown, for it may hold anything.
#[derive(Clone)]
struct Variable {
    name: String,
    value: String,
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Environment {
    /// Picks what counts out of all variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            if environment.proxy.take(&name, &value) {
                continue;
            }
            match name.as_str() {
                "RUST_LOG" => environment.log_filter = Some(value),
                "ROLEGATE_ROOT_TOKEN" => environment.root_token = Some(Secret::from(value)),
                KEY_VARIABLE => environment.store_key = Some(Secret::from(value)),
                "KUBECONFIG" => environment.has_kubeconfig = !value.is_empty(),
                "KUBERNETES_SERVICE_HOST" => environment.kubernetes_service_host = Some(value),
                _ if name.starts_with(PREFIX) => environment.overrides.push(Variable { name, value }),
                _ => {}
            }
        }
        environment.overrides.sort_by(|a, b| a.name.cmp(&b.name));
        environment
    }

    /// The store's key.
    pub(super) fn store_key(&self) -> Result<Option<StoreKey>, ConfigError> {
        let key = self.store_key.as_ref().map(|text| StoreKey::parse(text.expose()));
        key.transpose().map_err(|cause| ConfigError::at(KEY_VARIABLE, "", cause))
    }
}

/// Extracts the configuration, and a warning for each variable that names no key.
pub(super) fn extract(file: &Path, environment: &Environment) -> Result<(Config, Vec<String>), ConfigError> {
    let mut variables: Vec<&Variable> = environment.overrides.iter().collect();
    let mut warnings = Vec::new();
    loop {
        let error = match layered(file, &variables).extract() {
            Ok(config) => return Ok((config, warnings)),
            Err(error) => error,
        };
        let place = error.metadata.as_ref().map(|metadata| metadata.name.as_ref());
        let unknown = variables.iter().position(|variable| place == Some(variable.name.as_str()));
        match (&error.kind, unknown) {
            (Kind::UnknownField(..), Some(position)) => {
                let name = &variables.remove(position).name;
                warnings.push(format!("the environment variable `{name}` names no key, it is ignored"));
            }
            _ => return Err(told(file, error)),
        }
    }
}

fn layered(file: &Path, variables: &[&Variable]) -> Figment {
    variables
        .iter()
        .fold(Figment::from(Yaml::file_exact(file)), |figment, variable| figment.merge((*variable).clone()))
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let key = self.name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase().replace("__", ".");
        // A value is YAML, as in the file, and itself where it cannot be: `[::]:9191`.
        let value = serde_saphyr::from_str(&self.value).unwrap_or_else(|_| Value::from(self.value.as_str()));
        let dict = figment::util::nest(&key, value).into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// Our one line for what figment says.
fn told(file: &Path, error: figment::Error) -> ConfigError {
    let expected = match &error.kind {
        Kind::UnknownField(_, known) => format!("unknown key, expected one of {}", quoted(known)),
        Kind::UnknownVariant(found, known) => format!("expected one of {}, found `{found}`", quoted(known)),
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("expected {expected}, found {found}")
        }
        other => other.to_string(),
    };
    let key = error.path.join(".");
    match error.metadata {
        Some(metadata) if metadata.name.starts_with(PREFIX) => ConfigError::at(metadata.name, key, expected),
        _ => ConfigError::new(file, key, expected),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
