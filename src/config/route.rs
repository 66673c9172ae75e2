//! Which role a request asks for, where the proxy does not say.

use http::Method;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::core::role::decode::is_role_name;

/// The most roles that one route may name.
pub const MAX_ROLES: usize = 8;

/// One entry of `routes`; what it does not name fits everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The request's host.
    pub host: Option<HostName>,
    /// What the path begins with, at a segment's boundary.
    pub path_prefix: Option<PathPrefix>,
    /// The methods; none: all.
    #[serde(default, deserialize_with = "methods")]
    pub methods: Vec<Method>,
    /// The mount; none: the default's.
    pub mount: Option<MountPath>,
    /// The roles, any of which will do.
    pub role: RoleList,
}

/// `default`: what counts where nothing else names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultRoute {
    /// The mount of roles that come without one.
    pub mount: MountPath,
    /// The roles of requests that no route fits; none: they are denied.
    pub role: Option<RoleList>,
}

/// One to eight role names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RoleList(Vec<String>);

impl RoleList {
    /// The names as they were written.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<String> for RoleList {
    type Error = String;

    /// Reads names between commas; blanks around them do not count.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !is_role_name(name)) {
            Some(name) => Err(format!("expected role names between commas, found `{name}`")),
            None if names.len() > MAX_ROLES => {
                Err(format!("expected at most {MAX_ROLES} roles, found {}", names.len()))
            }
            None => Ok(Self(names)),
        }
    }
}

/// A mount's path, without slashes at its ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MountPath(String);

impl MountPath {
    /// The path: `kubernetes`, `clusters/eu1`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for MountPath {
    fn default() -> Self {
        Self("kubernetes".to_owned())
    }
}

impl TryFrom<String> for MountPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let path = text.trim_matches('/');
        let good =
            |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(|byte| byte.is_ascii_graphic());
        if path.split('/').all(good) {
            Ok(Self(path.to_owned()))
        } else {
            Err("expected a mount's path, such as `kubernetes` or `clusters/eu1`")
        }
    }
}

/// A host in lower case, without port and final dot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

impl HostName {
    /// The host.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let host = text.strip_suffix('.').unwrap_or(&text);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = match literal {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(name),
        };
        if good {
            Ok(Self(host.to_ascii_lowercase()))
        } else {
            Err("expected one host without port and wildcards, such as `shop.example.com`")
        }
    }
}

/// A path that begins with `/` and can be read in one way alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPrefix(String);

impl PathPrefix {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PathPrefix {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let lower = text.to_ascii_lowercase();
        let ambiguous = ["//", "/.", ";", "?", "#", "%2f", "%5c", "%2e", "\\"];
        let good = text.starts_with('/')
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !ambiguous.iter().any(|part| lower.contains(part));
        if good {
            Ok(Self(text))
        } else {
            Err(
                "expected a path that begins with `/`, percent-encoded, without `//`, `/.`, `;`, `?`, `#` and encoded slashes and dots",
            )
        }
    }
}

fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Method>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| {
            let capitals = !text.bytes().any(|byte| byte.is_ascii_lowercase());
            Method::from_bytes(text.as_bytes()).ok().filter(|_| capitals).ok_or_else(|| {
                Error::custom(format!("expected methods in capitals, such as `GET`, found `{text}`"))
            })
        })
        .collect()
}
