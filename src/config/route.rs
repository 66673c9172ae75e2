//! Which role a request asks for, where the proxy does not say.

use serde::Deserialize;

use super::path_prefix::PathPrefix;
use super::text::text;
use crate::core::role::MAX_ROLES;
use crate::core::role::decode::is_role_name;

/// One entry of `routes`; what it does not name fits everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The request's host.
    pub host: Option<HostName>,
    /// What the path begins with, at a segment's boundary.
    pub path_prefix: Option<PathPrefix>,
    /// The methods; none: all.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// The mount; none: the default's.
    pub mount: Option<MountPath>,
    /// The roles, any of which will do.
    pub role: RoleList,
}

/// All that a row says about a request that it fits, or the default where no row does.
///
/// A path is ambiguous where two of its readings lead to outcomes that are not equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteOutcome<'a> {
    /// The mount's path.
    pub mount: &'a str,
    /// The roles, any of which will do; none: the request is denied.
    pub role: Option<&'a RoleList>,
}

impl Route {
    /// What this row says, completed by the default.
    pub fn outcome<'a>(&'a self, default: &'a DefaultRole) -> RouteOutcome<'a> {
        // Every field is named, so that a new one is a condition or a part of the outcome.
        let Self { host: _, path_prefix: _, methods: _, mount, role } = self;
        RouteOutcome { mount: mount.as_ref().unwrap_or(&default.mount), role: Some(role) }
    }
}

impl DefaultRole {
    /// What counts where no row fits.
    pub fn outcome(&self) -> RouteOutcome<'_> {
        let Self { mount, role } = self;
        RouteOutcome { mount, role: role.as_ref() }
    }
}

/// `default`: what counts where nothing else names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultRole {
    /// The mount of roles that come without one.
    pub mount: MountPath,
    /// The roles of requests that no route fits; none: they are denied.
    pub role: Option<RoleList>,
}

text!(
    /// One to eight role names with commas between them.
    RoleList,
    role_list,
    String
);

text!(
    /// A mount's path without slashes at its ends: `kubernetes`, `clusters/eu1`.
    MountPath,
    mount_path,
    &'static str
);

text!(
    /// A host in lower case, without port and final dot.
    HostName,
    host_name,
    &'static str
);

text!(
    /// A method of HTTP, in capitals.
    Method,
    method,
    &'static str
);

impl Default for MountPath {
    fn default() -> Self {
        Self("kubernetes".to_owned())
    }
}

fn role_list(text: String) -> Result<String, String> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    match names.iter().find(|name| !is_role_name(name)) {
        Some(name) => Err(format!("expected role names between commas, found `{name}`")),
        None if names.len() > MAX_ROLES => {
            Err(format!("expected at most {MAX_ROLES} roles, found {}", names.len()))
        }
        None => Ok(names.join(",")),
    }
}

fn mount_path(text: String) -> Result<String, &'static str> {
    let path = text.trim_matches('/');
    let good = |part: &str| {
        !matches!(part, "" | "." | "..") && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
    };
    if path.split('/').all(good) {
        Ok(path.to_owned())
    } else {
        Err("expected a mount's path, such as `kubernetes` or `clusters/eu1`")
    }
}

fn host_name(text: String) -> Result<String, &'static str> {
    let host = text.strip_suffix('.').unwrap_or(&text);
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let good = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(name),
    };
    if good {
        Ok(host.to_ascii_lowercase())
    } else {
        Err("expected one host without port and wildcards, such as `shop.example.com`")
    }
}

fn method(text: String) -> Result<String, &'static str> {
    let capitals = !text.bytes().any(|byte| byte.is_ascii_lowercase());
    if capitals && http::Method::from_bytes(text.as_bytes()).is_ok() {
        Ok(text)
    } else {
        Err("expected a method in capitals, such as `GET`")
    }
}
