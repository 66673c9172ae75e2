//! The fields of a creation, each read as its type.

use std::collections::BTreeMap;

use super::super::super::outcome::Refusal;
use super::super::refusal::invalid;
use crate::core::client_token::TokenKind;
use crate::core::fields::{FieldError, Fields};
use crate::core::secret::Secret;

/// Every field, for the search for unknown ones.
pub(in super::super) const FIELDS: [&str; 14] = [
    "display_name",
    "entity_alias",
    "explicit_max_ttl",
    "id",
    "lease",
    "meta",
    "no_default_policy",
    "no_parent",
    "num_uses",
    "period",
    "policies",
    "renewable",
    "ttl",
    "type",
];

/// What was given; 0, empty and none stand for what was not.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) id: Option<Secret>,
    pub(super) policies: Vec<String>,
    pub(super) meta: Option<BTreeMap<String, String>>,
    pub(super) no_parent: bool,
    pub(super) no_default_policy: bool,
    pub(super) renewable: bool,
    pub(super) ttl: i64,
    pub(super) explicit_max_ttl: i64,
    pub(super) period: i64,
    pub(super) display_name: String,
    pub(super) num_uses: i64,
    entity_alias: String,
    token_type: String,
}

impl Given {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, Refusal> {
        let given =
            Self::decode(fields).map_err(|error| invalid(format!("Error decoding request: {error}")))?;
        if !given.entity_alias.is_empty() {
            return Err(invalid("'entity_alias' is only allowed in combination with token role"));
        }
        if given.num_uses < 0 {
            return Err(invalid("number of uses cannot be negative"));
        }
        Ok(given)
    }

    fn decode(fields: Fields<'_>) -> Result<Self, FieldError> {
        let text = |field| fields.string(field).map(Option::unwrap_or_default);
        let flag = |field| fields.boolean(field).map(Option::unwrap_or_default);
        let seconds = |field| fields.seconds(field).map(Option::unwrap_or_default);
        let ttl = fields.seconds("ttl")?;
        let lease = fields.seconds("lease")?;
        Ok(Self {
            id: Some(text("id")?).filter(|id| !id.is_empty()).map(Secret::from),
            policies: fields.items("policies")?.unwrap_or_default(),
            meta: fields.pairs("meta")?,
            no_parent: flag("no_parent")?,
            no_default_policy: flag("no_default_policy")?,
            renewable: fields.boolean("renewable")?.unwrap_or(true),
            ttl: ttl.or(lease).unwrap_or_default(),
            explicit_max_ttl: seconds("explicit_max_ttl")?,
            period: seconds("period")?,
            display_name: text("display_name")?,
            num_uses: fields.integer("num_uses")?.unwrap_or_default(),
            entity_alias: text("entity_alias")?,
            token_type: text("type")?,
        })
    }

    /// Service or batch; a batch token has none of what has to be kept.
    pub(super) fn kind(&self) -> Result<TokenKind, Refusal> {
        match self.token_type.as_str() {
            "" | "service" => return Ok(TokenKind::Service),
            "batch" => {}
            _ => return Err(invalid("invalid 'token_type' value")),
        }
        let kept = [
            ("explicit_max_ttl", self.explicit_max_ttl != 0),
            ("num_uses", self.num_uses != 0),
            ("period", self.period != 0),
        ];
        match kept.iter().find(|(_, is_set)| *is_set) {
            Some((field, _)) => Err(invalid(format!("batch tokens cannot have {field:?} set"))),
            None => Ok(TokenKind::Batch),
        }
    }
}
