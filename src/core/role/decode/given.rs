//! The fields that a write of a role names, each read as its type before any check.

use std::collections::BTreeMap;

use crate::core::fields::{FieldError, Fields};

/// Each field as supplied; none where it was not.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) names: Option<Vec<String>>,
    pub(super) namespaces: Option<Vec<String>>,
    pub(super) selector: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) alias_name_source: Option<String>,
    pub(super) alias_metadata: Option<BTreeMap<String, String>>,
    pub(super) token_bound_cidrs: Option<Vec<String>>,
    pub(super) token_policies: Option<Vec<String>>,
    pub(super) token_ttl: Option<i64>,
    pub(super) token_max_ttl: Option<i64>,
    pub(super) token_explicit_max_ttl: Option<i64>,
    pub(super) token_period: Option<i64>,
    pub(super) token_num_uses: Option<i64>,
    pub(super) token_no_default_policy: Option<bool>,
    pub(super) token_type: Option<String>,
    pub(super) bound_cidrs: Option<Vec<String>>,
    pub(super) policies: Option<Vec<String>>,
    pub(super) ttl: Option<i64>,
    pub(super) max_ttl: Option<i64>,
    pub(super) period: Option<i64>,
    pub(super) num_uses: Option<i64>,
}

impl Given {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            names: fields.list("bound_service_account_names")?,
            namespaces: fields.list("bound_service_account_namespaces")?,
            selector: fields.string("bound_service_account_namespace_selector")?,
            audience: fields.string("audience")?,
            alias_name_source: fields.string("alias_name_source")?,
            alias_metadata: fields.pairs("alias_metadata")?,
            token_bound_cidrs: fields.list("token_bound_cidrs")?,
            token_policies: fields.list("token_policies")?,
            token_ttl: fields.seconds("token_ttl")?,
            token_max_ttl: fields.seconds("token_max_ttl")?,
            token_explicit_max_ttl: fields.seconds("token_explicit_max_ttl")?,
            token_period: fields.seconds("token_period")?,
            token_num_uses: fields.integer("token_num_uses")?,
            token_no_default_policy: fields.boolean("token_no_default_policy")?,
            token_type: fields.string("token_type")?,
            bound_cidrs: fields.list("bound_cidrs")?,
            policies: fields.list("policies")?,
            ttl: fields.seconds("ttl")?,
            max_ttl: fields.seconds("max_ttl")?,
            period: fields.seconds("period")?,
            num_uses: fields.integer("num_uses")?,
        })
    }
}
