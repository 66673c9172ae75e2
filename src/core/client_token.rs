//! A client token's record: what the Vault door has issued, as it is kept.

mod digest;
pub mod encoding;
pub mod lease;
pub mod ring;
pub mod seal;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::cidr::BoundCidr;
pub use digest::{MOMENT_LEN, SECRET_LEN, TokenDigest};

/// What the text of a service token begins with.
pub const SERVICE_PREFIX: &str = "hvs.";

/// What the text of a batch token begins with.
pub const BATCH_PREFIX: &str = "hvb.";

/// The longest text that may be a token.
pub const MAX_TOKEN_LEN: usize = 8 * 1024;

/// The one policy of a token that holds a wrapped answer.
pub const WRAPPING_POLICY: &str = "response-wrapping";

/// The `num_uses` of a token whose last use is under way.
pub const USED_UP: i64 = -1;

/// Kept, or sealed into its own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// Kept, renewable, revocable.
    Service,
    /// Nothing is kept of it.
    Batch,
}

impl TokenKind {
    /// `service` or `batch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// One token. The order of the fields is that of [`encoding`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// Service or batch.
    pub kind: TokenKind,
    /// What names it to administrators: 24 letters and digits; empty for a batch token.
    pub accessor: String,
    /// The token that it lives and dies with; none: it is an orphan.
    pub parent: Option<Parent>,
    /// Lower case, unique, sorted.
    pub policies: Vec<String>,
    /// The path that made it, such as `auth/kubernetes/login`.
    pub path: String,
    /// Metadata of a created token; none is `null`. That of a login follows from [`Self::login`].
    pub meta: Option<BTreeMap<String, String>>,
    /// What audit calls its holder.
    pub display_name: String,
    /// How many uses are left; 0: any number; below: none.
    pub num_uses: i64,
    /// Seconds since 1970.
    pub created: i64,
    /// Seconds; 0: for ever.
    pub creation_ttl: i64,
    /// The last second in which it is good, since 1970; none: for ever.
    pub expires: Option<i64>,
    /// Seconds from its creation that no renewal goes beyond; 0: none.
    pub explicit_max_ttl: i64,
    /// Seconds; 0: not periodic.
    pub period: i64,
    /// Empty: it has none.
    pub entity_id: String,
    /// Whether it may be renewed.
    pub renewable: bool,
    /// Where the peer must be; none: anywhere.
    #[serde(with = "encoding::cidrs")]
    pub bound_cidrs: Vec<BoundCidr>,
    /// Seconds since 1970.
    pub last_renewal: Option<i64>,
    /// When its entry in the index of expiries comes up; a renewal leaves that entry where it is.
    pub indexed: Option<i64>,
    /// The login that it was issued for.
    pub login: Option<Login>,
}

/// A token's parent. The accessor tells it from a later token of the same text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The digest of its text.
    pub digest: TokenDigest,
    /// Its accessor.
    pub accessor: String,
}

/// The Kubernetes login that a token was issued for: the identity that was reviewed, and the role that admitted it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The accessor of the mount; another mount at the same path has another.
    pub mount_accessor: String,
    /// The mount's path below `auth/`, without slashes at its ends.
    pub mount_path: String,
    /// The role as the caller typed it.
    pub role: String,
    /// The service account's namespace.
    pub namespace: String,
    /// The service account's name.
    pub name: String,
    /// The service account's uid.
    pub uid: String,
    /// The secret that a legacy token came from; empty for others.
    pub secret_name: String,
    /// The namespace's labels as they were last seen, where the role selected by them.
    pub labels: Option<BTreeMap<String, String>>,
}

impl Login {
    /// The role's name as it is stored.
    pub fn stored_role(&self) -> String {
        self.role.to_lowercase()
    }

    /// What an answer shows as the token's metadata.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        [
            ("role", &self.role),
            ("service_account_name", &self.name),
            ("service_account_namespace", &self.namespace),
            ("service_account_secret_name", &self.secret_name),
            ("service_account_uid", &self.uid),
        ]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into()
    }
}

impl ClientToken {
    /// Whether it lives by itself.
    pub const fn is_orphan(&self) -> bool {
        self.parent.is_none()
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires < now)
    }

    /// Whether neither its time nor its uses are over.
    pub fn is_good(&self, now: i64) -> bool {
        self.num_uses >= 0 && !self.is_expired(now)
    }

    /// Whether it may be used from there.
    pub fn admits(&self, peer: Option<IpAddr>) -> bool {
        self.bound_cidrs.is_empty()
            || peer.is_some_and(|peer| self.bound_cidrs.iter().any(|cidr| cidr.contains(peer)))
    }

    /// Seconds until it expires; 0 for one that never does.
    pub fn ttl_left(&self, now: i64) -> i64 {
        self.expires.map_or(0, |expires| expires.saturating_sub(now).max(0))
    }

    /// The seconds that it was last given: at its creation, or at the last renewal.
    pub fn last_ttl(&self) -> i64 {
        match (self.last_renewal, self.expires) {
            (Some(renewed), Some(expires)) => expires.saturating_sub(renewed),
            _ => self.creation_ttl,
        }
    }

    /// What an answer shows as its metadata.
    pub fn metadata(&self) -> Option<BTreeMap<String, String>> {
        self.login.as_ref().map(Login::metadata).or_else(|| self.meta.clone())
    }

    /// Whether it holds a wrapped answer.
    pub fn is_wrapping(&self) -> bool {
        self.policies.iter().any(|policy| policy == WRAPPING_POLICY)
    }

    /// Whether it is one of `root`'s.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }
}

impl std::fmt::Debug for ClientToken {
    /// Neither accessors nor metadata, which may be anything.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ClientToken")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .field("display_name", &self.display_name)
            .field("policies", &self.policies)
            .field("num_uses", &self.num_uses)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Parent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Parent").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mount_path, role, namespace, name, .. } = self;
        write!(formatter, "{namespace}/{name} as {role} at {mount_path}")
    }
}

#[cfg(test)]
pub(crate) mod tests;
