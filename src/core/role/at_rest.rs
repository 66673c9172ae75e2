//! A role as it is kept: the reference's own JSON, so that either reads what the other wrote.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::decode::OldNames;
use super::{AliasNameSource, LabelSelector, Role, TokenParameters, TokenType};
use crate::core::cidr::BoundCidr;

/// Go keeps durations as nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// The reference's `roleStorageEntry`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    token_bound_cidrs: Option<Vec<String>>,
    token_explicit_max_ttl: i64,
    token_max_ttl: i64,
    token_no_default_policy: bool,
    token_num_uses: i64,
    token_period: i64,
    token_policies: Option<Vec<String>>,
    token_type: u8,
    token_ttl: i64,
    alias_metadata: Option<BTreeMap<String, String>>,
    bound_service_account_names: Option<Vec<String>>,
    bound_service_account_namespaces: Option<Vec<String>>,
    bound_service_account_namespace_selector: String,
    audience: String,
    alias_name_source: String,
    policies: Option<Vec<String>>,
    num_uses: i64,
    ttl: i64,
    max_ttl: i64,
    period: i64,
    #[serde(rename = "BoundCIDRs")]
    bound_cidrs: Option<Vec<String>>,
}

/// What is kept is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARole {
    /// Not JSON of the right shape.
    #[error("not the JSON of a role")]
    Json,
    /// A value that no write would have taken.
    #[error("a role with a `{0}` that is not valid")]
    Value(&'static str),
}

impl Role {
    /// The role as JSON; its name is the entry's.
    pub fn to_json(&self) -> Vec<u8> {
        let token = &self.token;
        let old = self.old_names;
        let cidrs: Vec<String> = token.bound_cidrs.iter().map(ToString::to_string).collect();
        let nanoseconds = |seconds: i64| seconds.saturating_mul(SECOND);
        let kept = Kept {
            policies: old.policies.then(|| token.policies.clone()),
            num_uses: if old.num_uses { token.num_uses } else { 0 },
            ttl: if old.ttl { nanoseconds(token.ttl) } else { 0 },
            max_ttl: if old.max_ttl { nanoseconds(token.max_ttl) } else { 0 },
            period: if old.period { nanoseconds(token.period) } else { 0 },
            bound_cidrs: old.bound_cidrs.then(|| cidrs.clone()),
            token_bound_cidrs: Some(cidrs),
            token_explicit_max_ttl: nanoseconds(token.explicit_max_ttl),
            token_max_ttl: nanoseconds(token.max_ttl),
            token_no_default_policy: token.no_default_policy,
            token_num_uses: token.num_uses,
            token_period: nanoseconds(token.period),
            token_policies: Some(token.policies.clone()),
            token_type: token.token_type.number(),
            token_ttl: nanoseconds(token.ttl),
            alias_metadata: Some(token.alias_metadata.clone()),
            bound_service_account_names: Some(self.bound_service_account_names.clone()),
            bound_service_account_namespaces: Some(self.bound_service_account_namespaces.clone())
                .filter(|namespaces| !namespaces.is_empty()),
            bound_service_account_namespace_selector: self
                .bound_service_account_namespace_selector
                .as_ref()
                .map_or_else(String::new, |selector| selector.text.clone()),
            audience: self.audience.clone(),
            alias_name_source: self.alias_name_source.name().to_owned(),
        };
        // Texts, numbers and flags alone: nothing that JSON could not hold.
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// A role from JSON. Values under old names fill the new ones where these are empty, as the reference does.
    ///
    /// # Errors
    /// Where it is not the JSON of a role, or a value is not valid.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, NotARole> {
        // An array would pass for a role of defaults alone.
        let object: Map<String, Value> = serde_json::from_slice(json).map_err(|_| NotARole::Json)?;
        let kept: Kept = serde_json::from_value(Value::Object(object)).map_err(|_| NotARole::Json)?;
        let old_names = OldNames {
            policies: kept.policies.as_ref().is_some_and(|policies| !policies.is_empty()),
            bound_cidrs: kept.bound_cidrs.as_ref().is_some_and(|cidrs| !cidrs.is_empty()),
            num_uses: kept.num_uses > 0,
            ttl: kept.ttl > 0,
            max_ttl: kept.max_ttl > 0,
            period: kept.period > 0,
        };
        let selector = match kept.bound_service_account_namespace_selector.as_str() {
            "" => None,
            text => Some(
                LabelSelector::parse_full(text)
                    .map_err(|_| NotARole::Value("bound_service_account_namespace_selector"))?,
            ),
        };
        let seconds = |new: i64, old: i64| (if new > 0 { new } else { old }) / SECOND;
        let cidrs = either(kept.token_bound_cidrs, kept.bound_cidrs)
            .iter()
            .map(|text| BoundCidr::parse(text))
            .collect::<Result<_, _>>()
            .map_err(|_| NotARole::Value("token_bound_cidrs"))?;
        Ok(Self {
            name: name.to_owned(),
            bound_service_account_names: kept.bound_service_account_names.unwrap_or_default(),
            bound_service_account_namespaces: kept.bound_service_account_namespaces.unwrap_or_default(),
            bound_service_account_namespace_selector: selector,
            audience: kept.audience,
            alias_name_source: match kept.alias_name_source.as_str() {
                "" | "serviceaccount_uid" => AliasNameSource::Uid,
                "serviceaccount_name" => AliasNameSource::Name,
                _ => return Err(NotARole::Value("alias_name_source")),
            },
            token: TokenParameters {
                bound_cidrs: cidrs,
                policies: either(kept.token_policies, kept.policies),
                ttl: seconds(kept.token_ttl, kept.ttl),
                max_ttl: seconds(kept.token_max_ttl, kept.max_ttl),
                explicit_max_ttl: seconds(kept.token_explicit_max_ttl, 0),
                period: seconds(kept.token_period, kept.period),
                num_uses: if kept.token_num_uses > 0 { kept.token_num_uses } else { kept.num_uses },
                no_default_policy: kept.token_no_default_policy,
                token_type: TokenType::numbered(kept.token_type).ok_or(NotARole::Value("token_type"))?,
                alias_metadata: kept.alias_metadata.unwrap_or_default(),
            },
            old_names,
        })
    }
}

impl TokenType {
    /// The number of the reference's `logical.TokenType`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Service => 1,
            Self::Batch => 2,
        }
    }

    /// What `default-service` (3) and `default-batch` (4) ask for, no role can; kept ones are read as what they mean.
    const fn numbered(number: u8) -> Option<Self> {
        match number {
            0 | 3 => Some(Self::Default),
            1 => Some(Self::Service),
            2 | 4 => Some(Self::Batch),
            _ => None,
        }
    }
}

fn either(new: Option<Vec<String>>, old: Option<Vec<String>>) -> Vec<String> {
    new.filter(|values| !values.is_empty()).or(old).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NotARole, Role};
    use crate::core::role::decode::{DEFAULT_MAX_LEASE, decode};

    fn role(fields: serde_json::Value) -> Role {
        decode("a", fields.as_object().unwrap(), None, DEFAULT_MAX_LEASE).unwrap().role
    }

    #[test]
    fn a_role_is_read_as_it_was_kept() {
        let fields = [
            json!({"bound_service_account_names": "a,b", "bound_service_account_namespaces": "*",
                "audience": "x", "alias_name_source": "serviceaccount_name", "token_bound_cidrs": "10.0.0.0/8",
                "token_policies": "p,q", "token_ttl": 60, "token_max_ttl": "1h", "token_num_uses": 7,
                "token_no_default_policy": true, "token_type": "service", "alias_metadata": {"k": "v"}}),
            json!({"bound_service_account_names": "a",
                "bound_service_account_namespace_selector": "{\"matchLabels\":{\"a\":\"b\"}}",
                "policies": "p", "ttl": 1, "max_ttl": 2, "period": 3, "num_uses": 4, "bound_cidrs": "10.0.0.1"}),
            json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b", "token_type": "batch"}),
        ];
        for fields in fields {
            let role = role(fields);
            assert_eq!(Role::from_json("a", &role.to_json()), Ok(role));
        }
    }

    #[test]
    fn an_entry_of_the_reference_is_read_with_its_old_names() {
        let entry = br#"{"bound_service_account_names":["a"],"bound_service_account_namespaces":null,"bound_service_account_namespace_selector":"{}","policies":["p"],"num_uses":0,"ttl":60000000000,"max_ttl":0,"period":0,"BoundCIDRs":null,"token_type":0,"later":true}"#;
        let role = Role::from_json("a", entry).unwrap();
        assert_eq!((role.token.policies.as_slice(), role.token.ttl), (&["p".to_owned()][..], 60));
        assert!(role.old_names.policies && role.old_names.ttl && !role.old_names.max_ttl);
    }

    #[test]
    fn a_part_that_is_not_valid_refuses_the_whole_role() {
        let cases = [
            ("[]", NotARole::Json),
            (r#"{"token_type":9}"#, NotARole::Value("token_type")),
            (r#"{"token_bound_cidrs":["x"]}"#, NotARole::Value("token_bound_cidrs")),
            (r#"{"alias_name_source":"x"}"#, NotARole::Value("alias_name_source")),
            (
                r#"{"bound_service_account_namespace_selector":"[1]"}"#,
                NotARole::Value("bound_service_account_namespace_selector"),
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(Role::from_json("a", entry.as_bytes()), Err(expected), "{entry}");
        }
    }
}
