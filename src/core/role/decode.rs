//! A write of `role/:name`: the request's fields over the role as it was, in the reference's order of checks.

use serde_json::{Map, Value};

use super::selector::SelectorError;
use super::{AliasNameSource, LabelSelector, Role, TokenParameters, TokenType};
use crate::core::cidr::CidrError;
use crate::core::fields::{FieldError, Fields};

mod given;
mod old_names;
mod token;

pub use old_names::OldNames;

use given::Given;

/// Every field of a role, for the search for unknown ones.
pub const ROLE_FIELDS: [&str; 21] = [
    "alias_metadata",
    "alias_name_source",
    "audience",
    "bound_cidrs",
    "bound_service_account_names",
    "bound_service_account_namespace_selector",
    "bound_service_account_namespaces",
    "max_ttl",
    "num_uses",
    "period",
    "policies",
    "token_bound_cidrs",
    "token_explicit_max_ttl",
    "token_max_ttl",
    "token_no_default_policy",
    "token_num_uses",
    "token_period",
    "token_policies",
    "token_ttl",
    "token_type",
    "ttl",
];

/// The longest lease of a mount in seconds, where nothing else is set (768 h).
pub const DEFAULT_MAX_LEASE: i64 = crate::core::mount::about::SYSTEM_MAX_LEASE;

/// What a write makes of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleWrite {
    /// The role as it is to be stored.
    pub role: Role,
    /// For the caller, in the reference's words.
    pub warnings: Vec<String>,
}

/// Why a role is refused, in the reference's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum RoleError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Cidr(#[from] CidrError),
    #[error("invalid 'token_type' value {0:?}")]
    TokenType(String),
    #[error("'token_num_uses' cannot be negative")]
    NegativeUses,
    #[error("'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens")]
    PeriodicBatch,
    #[error(
        "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count"
    )]
    CountedBatch,
    #[error("'token_ttl' cannot be greater than 'token_max_ttl'")]
    TokenTtlAboveMax,
    #[error("token period of '\"{}\"' is greater than the backend's maximum lease TTL of '\"{}\"'", go_text(*.period), go_text(*.max_lease))]
    PeriodAboveMaxLease { period: i64, max_lease: i64 },
    #[error("token ttl should not be greater than token max ttl")]
    TtlAboveMax,
    #[error("\"bound_service_account_names\" can not be empty")]
    NoNames,
    #[error(
        "\"bound_service_account_namespaces\" can not be empty if \"bound_service_account_namespace_selector\" is not set"
    )]
    NoNamespaces,
    #[error(transparent)]
    Selector(#[from] SelectorError),
    #[error("can not mix \"*\" with values")]
    MixedStar,
    #[error("invalid alias_name_source, must be one of: serviceaccount_uid, serviceaccount_name")]
    AliasNameSource,
}

/// Creates the role `name`, or updates it on top of the one `before`; `max_lease` is the mount's, in seconds.
///
/// # Errors
/// The first check that fails.
pub fn decode(
    name: &str,
    fields: &Map<String, Value>,
    before: Option<&Role>,
    max_lease: i64,
) -> Result<RoleWrite, RoleError> {
    decode_with(name, fields, before, max_lease, LabelSelector::parse)
}

/// Creates the role `name` as [`decode`] does, of a selector that may have `matchExpressions`.
///
/// # Errors
/// The first check that fails.
pub fn decode_full(name: &str, fields: &Map<String, Value>, max_lease: i64) -> Result<RoleWrite, RoleError> {
    decode_with(name, fields, None, max_lease, LabelSelector::parse_full)
}

fn decode_with(
    name: &str,
    fields: &Map<String, Value>,
    before: Option<&Role>,
    max_lease: i64,
    parse: fn(&str) -> Result<LabelSelector, SelectorError>,
) -> Result<RoleWrite, RoleError> {
    let given = Given::read(Fields::new(fields))?;
    let mut old_names = before.map(|role| role.old_names).unwrap_or_default();
    let mut token: TokenParameters = before.map(|role| role.token.clone()).unwrap_or_default();
    token::write(&mut token, &given)?;
    old_names.write(&mut token, &given)?;
    let mut warnings = Vec::new();
    lease_limits(&token, max_lease, &mut warnings)?;

    let names = either(given.names, before.map(|role| &role.bound_service_account_names));
    if names.is_empty() {
        return Err(RoleError::NoNames);
    }
    unmixed(&names)?;
    let namespaces = either(given.namespaces, before.map(|role| &role.bound_service_account_namespaces));
    let selector = given.selector.filter(|text| !text.is_empty());
    if namespaces.is_empty() && selector.is_none() {
        return Err(RoleError::NoNamespaces);
    }
    let selector = selector.map(|text| parse(&text)).transpose()?;
    unmixed(&namespaces)?;
    let audience = either(given.audience, before.map(|role| &role.audience));
    if audience.trim().is_empty() {
        warnings.push(format!(
            "Role {name} does not have an audience configured. While audiences are not required, consider \
             specifying one if your use case would benefit from additional JWT claim verification."
        ));
    }
    let alias_name_source = alias_name_source(given.alias_name_source.as_deref(), before)?;
    let role = Role {
        name: name.to_lowercase(),
        bound_service_account_names: names,
        bound_service_account_namespaces: namespaces,
        bound_service_account_namespace_selector: selector,
        audience,
        alias_name_source,
        token,
        old_names,
    };
    Ok(RoleWrite { role, warnings })
}

/// Whether every field can be read as its type.
///
/// # Errors
/// The first that cannot.
pub fn check_fields(fields: &Map<String, Value>) -> Result<(), FieldError> {
    Given::read(Fields::new(fields)).map(|_| ())
}

/// Whether a role may have this name (Vault's `GenericNameRegex`, ASCII).
pub fn is_role_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(word) && name.ends_with(word) && name.chars().all(|c| word(c) || matches!(c, '-' | '.'))
}

fn either<T: Clone + Default>(given: Option<T>, before: Option<&T>) -> T {
    given.or_else(|| before.cloned()).unwrap_or_default()
}

fn unmixed(patterns: &[String]) -> Result<(), RoleError> {
    if patterns.len() > 1 && patterns.iter().any(|pattern| pattern == "*") {
        return Err(RoleError::MixedStar);
    }
    Ok(())
}

fn lease_limits(
    token: &TokenParameters,
    max_lease: i64,
    warnings: &mut Vec<String>,
) -> Result<(), RoleError> {
    if token.period > max_lease {
        return Err(RoleError::PeriodAboveMaxLease { period: token.period, max_lease });
    }
    if token.max_ttl > 0 && token.ttl > token.max_ttl {
        return Err(RoleError::TtlAboveMax);
    }
    if token.max_ttl > max_lease {
        warnings.push(
            "max_ttl is greater than the system or backend mount's maximum TTL value; issued tokens' max TTL \
             value will be truncated"
                .to_owned(),
        );
    }
    Ok(())
}

fn alias_name_source(given: Option<&str>, before: Option<&Role>) -> Result<AliasNameSource, RoleError> {
    match (given, before) {
        (Some("serviceaccount_uid"), _) => Ok(AliasNameSource::Uid),
        (Some("serviceaccount_name"), _) => Ok(AliasNameSource::Name),
        (Some("") | None, None) => Ok(AliasNameSource::default()),
        (None, Some(role)) => Ok(role.alias_name_source),
        (Some(_), _) => Err(RoleError::AliasNameSource),
    }
}

/// Seconds as Go prints a duration: `769h0m0s`, `1m1s`.
fn go_text(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests;
