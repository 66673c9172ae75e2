//! What a token's policies let it do: policies are read once, compiled to one value, and asked on every request.

mod capability;
mod hcl;
mod paths;
mod pattern;
mod policy;
mod rule;
mod template;
mod values;

use std::time::Duration;

use serde_json::{Map, Value};

use capability::Capabilities;
use paths::{Gathered, Paths};
use pattern::Pattern;

pub use policy::{MAX_TEXT, Policy, PolicyError};
pub use template::{Alias, Identity};

/// The text of the policy `default` where nobody has written another.
pub const DEFAULT_POLICY: &str = include_str!("acl/default.hcl");

/// The text of the policy of tokens that hold a wrapped answer.
pub const RESPONSE_WRAPPING_POLICY: &str = include_str!("acl/response_wrapping.hcl");

/// Whether nobody writes the policy of that name: what it grants is fixed. `name` in lower case.
pub fn is_unwritable(name: &str) -> bool {
    matches!(name, "root" | "response-wrapping")
}

/// What is asked of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclOperation {
    /// A write where nothing is yet.
    Create,
    /// A write otherwise.
    Update,
    /// GET
    Read,
    /// LIST; the path ends in a slash.
    List,
    /// DELETE
    Delete,
    /// PATCH
    Patch,
    /// HEAD, which no capability grants.
    Header,
}

impl AclOperation {
    const fn capability(self) -> Option<Capabilities> {
        match self {
            Self::Create => Some(Capabilities::CREATE),
            Self::Update => Some(Capabilities::UPDATE),
            Self::Read => Some(Capabilities::READ),
            Self::List => Some(Capabilities::LIST),
            Self::Delete => Some(Capabilities::DELETE),
            Self::Patch => Some(Capabilities::PATCH),
            Self::Header => None,
        }
    }

    /// Whether demands on parameters apply.
    const fn has_parameters(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Read | Self::Patch)
    }
}

/// What an operation may count on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Whether the operation may be done, if its path does not ask for `sudo`.
    pub allowed: bool,
    /// Whether the path may be used where `sudo` is asked for.
    pub sudo: bool,
}

/// The policies of one token, compiled.
#[derive(Debug)]
pub struct Acl(Kind);

#[derive(Debug)]
enum Kind {
    Root,
    Of(Paths),
}

impl Acl {
    /// May do everything: the policy `root`.
    pub const fn root() -> Self {
        Self(Kind::Root)
    }

    /// Puts policies together. A path whose directives this identity cannot fill in is left out.
    pub fn compile<'a>(
        policies: impl IntoIterator<Item = &'a Policy>,
        identity: Option<&Identity<'_>>,
    ) -> Self {
        let mut gathered = Gathered::default();
        for policy in policies {
            for path in &policy.paths {
                if policy.is_templated() {
                    let filled = template::fill(&path.path, identity);
                    if let Some(Ok(pattern)) = filled.as_deref().map(Pattern::read) {
                        gathered.add(pattern, &path.rule);
                    }
                } else if let Ok(pattern) = Pattern::read(&path.path) {
                    gathered.add(pattern, &path.rule);
                }
            }
        }
        Self(Kind::Of(gathered.into()))
    }

    /// Whether it may do everything.
    pub const fn is_root(&self) -> bool {
        matches!(self.0, Kind::Root)
    }

    /// Whether an operation may be done on a path with these parameters; `wrap_ttl` is the wrapping that is asked
    /// for. Denied where no policy names the path.
    pub fn allows(
        &self,
        operation: AclOperation,
        path: &str,
        parameters: &Map<String, Value>,
        wrap_ttl: Option<Duration>,
    ) -> Permission {
        let paths = match &self.0 {
            Kind::Root => return Permission { allowed: true, sudo: true },
            Kind::Of(paths) => paths,
        };
        let rule = paths.rule(path, operation == AclOperation::List);
        Permission {
            allowed: rule.is_some_and(|rule| rule.allows(operation, parameters, wrap_ttl)),
            sudo: rule.is_some_and(|rule| rule.capabilities.has(Capabilities::SUDO)),
        }
    }

    /// What may be done on a path, by name and in order; `root` or `deny` alone.
    pub fn capabilities(&self, path: &str) -> Vec<&'static str> {
        match &self.0 {
            Kind::Root => vec!["root"],
            Kind::Of(paths) => {
                paths.rule(path, true).map_or_else(|| vec!["deny"], |rule| rule.capabilities.names())
            }
        }
    }

    /// Whether anything may be done on a mount's path, which ends in a slash, or on any path below it.
    pub fn reaches(&self, mount: &str) -> bool {
        match &self.0 {
            Kind::Root => true,
            Kind::Of(paths) => {
                paths.rule(mount, true).is_some_and(|rule| rule.capabilities.grant())
                    || paths.grant_below(mount)
            }
        }
    }
}

#[cfg(test)]
mod tests;
