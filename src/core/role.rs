//! A role: which service accounts it admits, and what a login by it issues.

mod at_rest;
pub mod decode;
mod read;
pub mod selector;

use std::collections::BTreeMap;

pub use at_rest::NotARole;
pub use decode::OldNames;
pub use selector::LabelSelector;

use super::cidr::BoundCidr;

/// The most roles that one request may name.
pub const MAX_ROLES: usize = 8;

/// Vault's role of the Kubernetes backend, every field valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The name in lower case, as it is stored.
    pub name: String,
    /// Globs on the service account's name; none admits nobody.
    pub bound_service_account_names: Vec<String>,
    /// Globs on the namespace.
    pub bound_service_account_namespaces: Vec<String>,
    /// Admits namespaces by their labels, where no glob does.
    pub bound_service_account_namespace_selector: Option<LabelSelector>,
    /// The audience that the token must have; empty: any.
    pub audience: String,
    /// Whence the alias name comes.
    pub alias_name_source: AliasNameSource,
    /// What the issued token is like.
    pub token: TokenParameters,
    /// Which of its values came by their old names; reads show these too.
    pub old_names: OldNames,
}

/// `alias_name_source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AliasNameSource {
    /// `serviceaccount_uid`
    #[default]
    Uid,
    /// `serviceaccount_name`: `namespace/name`
    Name,
}

impl AliasNameSource {
    /// Vault's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uid => "serviceaccount_uid",
            Self::Name => "serviceaccount_name",
        }
    }
}

/// `token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenType {
    /// As the mount says: service.
    #[default]
    Default,
    /// Kept, renewable, revocable.
    Service,
    /// Sealed, stateless.
    Batch,
}

impl TokenType {
    /// Vault's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// Vault's `token_*` fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenParameters {
    /// Where the peer must be; none: anywhere.
    pub bound_cidrs: Vec<BoundCidr>,
    /// The policies as given.
    pub policies: Vec<String>,
    /// Seconds; 0: the mount's default.
    pub ttl: i64,
    /// Seconds; 0: the mount's maximum.
    pub max_ttl: i64,
    /// Seconds; 0: none.
    pub explicit_max_ttl: i64,
    /// Seconds; 0: not periodic.
    pub period: i64,
    /// 0: unlimited.
    pub num_uses: i64,
    /// True: the policy `default` is not added.
    pub no_default_policy: bool,
    /// Service or batch.
    pub token_type: TokenType,
    /// Metadata for the entity alias.
    pub alias_metadata: BTreeMap<String, String>,
}

impl TokenParameters {
    /// The policies of a login: trimmed, lower case, unique, sorted, with `default` unless it is left out.
    pub fn login_policies(&self) -> Vec<String> {
        let mut policies: Vec<String> = self
            .policies
            .iter()
            .map(|policy| policy.trim().to_lowercase())
            .filter(|policy| !policy.is_empty())
            .collect();
        if !self.no_default_policy {
            policies.push("default".to_owned());
        }
        policies.sort_unstable();
        policies.dedup();
        policies
    }
}

#[cfg(test)]
mod tests {
    use super::TokenParameters;

    #[test]
    fn policies_of_a_login_are_lower_case_unique_sorted_and_have_default() {
        let mut token = TokenParameters {
            policies: [" B", "a", "b", ""].map(str::to_owned).to_vec(),
            ..TokenParameters::default()
        };
        assert_eq!(token.login_policies(), ["a", "b", "default"]);
        token.no_default_policy = true;
        assert_eq!(token.login_policies(), ["a", "b"]);
    }
}
