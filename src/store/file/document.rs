//! The store's YAML: Vault's own field names, every value checked, every unknown key refused.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::references::Reader;
use crate::config::{ConfigError, MountPath};
use crate::core::mount::MountConfig;
use crate::core::mount::decode::{self, CONFIG_FIELDS};
use crate::core::role::Role;
use crate::core::role::decode::{DEFAULT_MAX_LEASE, ROLE_FIELDS, RoleError, is_role_name};

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(super) mounts: Vec<MountEntry>,
    pub(super) policies: BTreeMap<String, String>,
    /// The files that its `…_file` keys name.
    pub(super) references: Vec<PathBuf>,
}

/// One entry of `mounts`.
#[derive(Debug)]
pub(super) struct MountEntry {
    pub(super) path: String,
    pub(super) config: Option<MountConfig>,
    pub(super) roles: Vec<Role>,
}

impl Document {
    /// Reads the file and those that it names.
    ///
    /// # Errors
    /// With the file, the key as a dotted path and what is expected there.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let mut parser = Parser { file, reader: Reader::beside(file) };
        let text = parser.reader.main().map_err(|cause| ConfigError::new(file, "", cause))?;
        let mut root = match parse_yaml(&text) {
            Ok(Value::Object(root)) if root.contains_key("mounts") || root.contains_key("policies") => root,
            Ok(_) => return Err(ConfigError::new(file, "", "expected `mounts`, `policies` or both")),
            Err(cause) => return Err(ConfigError::new(file, "", cause)),
        };
        parser.known("", &root, &["mounts", "policies"])?;
        let mounts = parser
            .section("mounts", root.remove("mounts"))?
            .into_iter()
            .map(|(path, value)| parser.mount(path, value))
            .collect::<Result<_, _>>()?;
        let policies = parser
            .section("policies", root.remove("policies"))?
            .into_iter()
            .map(|(name, value)| parser.policy(name, value))
            .collect::<Result<_, _>>()?;
        Ok(Self { mounts, policies, references: parser.reader.into_references() })
    }

    pub(super) fn roles(&self) -> usize {
        self.mounts.iter().map(|mount| mount.roles.len()).sum()
    }
}

/// Any YAML as JSON. The bounds stand far above a hundred thousand roles.
pub(crate) fn parse_yaml(text: &str) -> Result<Value, String> {
    const MANY: usize = 1 << 26;
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: MANY,
            max_nodes: MANY,
            max_aliases: MANY,
            max_total_scalar_bytes: 1 << 30,
            enforce_alias_anchor_ratio: false,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.render_with_formatter(&serde_saphyr::UserMessageFormatter))
}

struct Parser<'a> {
    file: &'a Path,
    reader: Reader,
}

impl Parser<'_> {
    fn mount(&mut self, path: String, value: Value) -> Result<MountEntry, ConfigError> {
        let key = format!("mounts.{path}");
        if MountPath::try_from(path.clone()).map_err(|cause| self.wrong(&key, cause))?.as_str() != path {
            return Err(self.wrong(&key, "expected a path without slashes at its ends"));
        }
        let mut entry = self.section(&key, Some(value))?;
        self.known(&key, &entry, &["config", "roles"])?;
        let config = match entry.remove("config") {
            None | Some(Value::Null) => None,
            config => Some(self.config(&format!("{key}.config"), config)?),
        };
        let roles_key = format!("{key}.roles");
        let mut names = HashSet::new();
        let roles = self.section(&roles_key, entry.remove("roles"))?.into_iter().map(|(name, value)| {
            let role = self.role(&format!("{roles_key}.{name}"), &name, value)?;
            if names.insert(role.name.clone()) {
                Ok(role)
            } else {
                Err(self.wrong(&format!("{roles_key}.{name}"), "expected once, in capitals or not"))
            }
        });
        Ok(MountEntry { config, roles: roles.collect::<Result<_, _>>()?, path })
    }

    fn config(&mut self, key: &str, value: Option<Value>) -> Result<MountConfig, ConfigError> {
        let mut fields = self.section(key, value)?;
        for field in ["kubernetes_ca_cert", "pem_keys", "token_reviewer_jwt"] {
            let name = format!("{field}_file");
            if let Some(reference) = fields.remove(&name) {
                let key = format!("{key}.{name}");
                if fields.contains_key(field) {
                    return Err(self.wrong(&key, format!("expected to be left out where `{field}` is given")));
                }
                let text = self.reader.reference(&reference).map_err(|cause| self.wrong(&key, cause))?;
                // A list of one item, which no comma splits.
                let value = if field == "pem_keys" { Value::from(vec![text]) } else { Value::from(text) };
                fields.insert(field.to_owned(), value);
            }
        }
        self.known(key, &fields, &CONFIG_FIELDS)?;
        decode::decode(&fields).map_err(|error| {
            let key = format!("{key}.{}", error.field());
            match error {
                decode::MountConfigError::Field(error) => self.wrong(&key, error.reason),
                other => self.wrong(&key, other),
            }
        })
    }

    fn role(&self, key: &str, name: &str, value: Value) -> Result<Role, ConfigError> {
        if !is_role_name(name) {
            return Err(
                self.wrong(key, "expected a role's name: letters, digits, `_`, and `-` and `.` inside")
            );
        }
        let fields = self.section(key, Some(value))?;
        self.known(key, &fields, &ROLE_FIELDS)?;
        match crate::core::role::decode::decode(name, &fields, None, DEFAULT_MAX_LEASE) {
            Ok(written) => Ok(written.role),
            Err(RoleError::Field(error)) => Err(self.wrong(&format!("{key}.{}", error.field), error.reason)),
            Err(error) => Err(self.wrong(key, error)),
        }
    }

    fn policy(&self, name: String, value: Value) -> Result<(String, String), ConfigError> {
        match value {
            Value::String(text) => Ok((name.to_lowercase(), text)),
            _ => Err(self.wrong(&format!("policies.{name}"), "expected a policy's text")),
        }
    }

    /// An object; nothing is an empty one.
    fn section(&self, key: &str, value: Option<Value>) -> Result<Map<String, Value>, ConfigError> {
        match value {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.wrong(key, "expected keys with values")),
        }
    }

    fn known(&self, key: &str, object: &Map<String, Value>, known: &[&str]) -> Result<(), ConfigError> {
        let Some(unknown) = object.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let key = if key.is_empty() { unknown.clone() } else { format!("{key}.{unknown}") };
        Err(self.wrong(&key, format!("unknown key, expected one of `{}`", known.join("`, `"))))
    }

    fn wrong(&self, key: &str, expected: impl ToString) -> ConfigError {
        ConfigError::new(self.file, key, expected)
    }
}

#[cfg(test)]
mod tests;
