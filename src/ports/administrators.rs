//! Who may administer by the RBAC of rolegate's own cluster.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use super::Answer;
use crate::core::client_token::TokenDigest;

/// The audience that a token must have to administer.
pub const AUDIENCE: &str = "rolegate";

/// The API group of the custom resources.
pub const GROUP: &str = "rolegate.dev";

/// Whom the cluster takes a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The digest of the token that said so.
    pub token: TokenDigest,
    /// `system:serviceaccount:<namespace>:<name>` for a service account.
    pub name: String,
    /// Empty where it has none.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else the cluster's authorizers want to know.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// A verb of Kubernetes' RBAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `get`
    Get,
    /// `list`
    List,
    /// `create`
    Create,
    /// `update`
    Update,
    /// `delete`
    Delete,
    /// `bind`: to hand a policy out by a role.
    Bind,
}

impl Verb {
    /// The name in RBAC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Bind => "bind",
        }
    }
}

/// A kind of custom resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `gatemounts`
    Mounts,
    /// `gateroles`
    Roles,
    /// `gatepolicies`
    Policies,
}

impl Resource {
    /// The name in RBAC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mounts => "gatemounts",
            Self::Roles => "gateroles",
            Self::Policies => "gatepolicies",
        }
    }
}

/// What one must be allowed to do with one custom resource of rolegate's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Right {
    /// The verb.
    pub verb: Verb,
    /// The kind of resource.
    pub resource: Resource,
    /// The name of the object; empty for all of them.
    pub object: String,
}

/// The cluster that knows the administrators.
pub trait Administrators: Send + Sync + Debug {
    /// Whose token this is, if the cluster takes it for the audience [`AUDIENCE`]; none where it does not. Ends at
    /// `deadline` at the latest.
    fn who<'a>(&'a self, token: &'a str, deadline: Option<Instant>) -> Answer<'a, Option<Arc<User>>>;

    /// Whether the user may do this. Ends at `deadline` at the latest.
    fn may<'a>(&'a self, user: &'a User, right: &'a Right, deadline: Option<Instant>) -> Answer<'a, bool>;
}
