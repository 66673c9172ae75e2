//! The fields of a creation, each read as its type.

use std::collections::BTreeMap;

use super::super::super::call::of_field;
use super::super::super::outcome::Refusal;
use super::super::refusal::invalid;
use crate::core::client_token::TokenKind;
use crate::core::fields::{FieldError, Fields, begun_seconds};
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

/// The older fields, which no schema of the reference names; they are read when all others were good.
const LATE: [&str; 2] = ["lease", "meta"];

/// What was given; 0, empty and none stand for what was not.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) id: Option<Secret>,
    pub(super) policies: Vec<String>,
    pub(super) meta: Option<BTreeMap<String, String>>,
    pub(super) no_parent: bool,
    pub(super) no_default_policy: bool,
    pub(super) renewable: bool,
    pub(super) display_name: String,
    pub(super) num_uses: i64,
    explicit_max_ttl: String,
    period: String,
    ttl: String,
    lease: String,
    entity_alias: String,
    token_type: String,
}

/// The times that were given, in seconds; a begun second is a whole one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) explicit_max_ttl: i64,
    pub(super) period: i64,
    pub(super) ttl: i64,
}

impl Given {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, Refusal> {
        Self::decode(fields).map_err(|error| match LATE.contains(&error.field) {
            true => invalid(format!("Error decoding request: {error}")),
            false => of_field(&error),
        })
    }

    fn decode(fields: Fields<'_>) -> Result<Self, FieldError> {
        let text = |field| fields.string(field).map(Option::unwrap_or_default);
        let flag = |field| fields.boolean(field).map(Option::unwrap_or_default);
        Ok(Self {
            id: Some(text("id")?).filter(|id| !id.is_empty()).map(Secret::from),
            policies: fields.items("policies")?.unwrap_or_default(),
            no_parent: flag("no_parent")?,
            no_default_policy: flag("no_default_policy")?,
            renewable: fields.boolean("renewable")?.unwrap_or(true),
            display_name: text("display_name")?,
            num_uses: fields.integer("num_uses")?.unwrap_or_default(),
            explicit_max_ttl: text("explicit_max_ttl")?,
            period: text("period")?,
            ttl: text("ttl")?,
            entity_alias: text("entity_alias")?,
            token_type: text("type")?,
            lease: text("lease")?,
            meta: if fields.is_null("meta") { None } else { fields.pairs("meta")? },
        })
    }

    /// Service or batch; a batch token has none of what has to be kept.
    pub(super) fn kind(&self) -> Result<TokenKind, Refusal> {
        let kind = match self.token_type.as_str() {
            "" | "service" => TokenKind::Service,
            "batch" => self.batch()?,
            _ => return Err(invalid("invalid 'token_type' value")),
        };
        if self.num_uses < 0 {
            return Err(invalid("number of uses cannot be negative"));
        }
        if !self.entity_alias.is_empty() {
            return Err(invalid("'entity_alias' is only allowed in combination with token role"));
        }
        Ok(kind)
    }

    fn batch(&self) -> Result<TokenKind, Refusal> {
        let unparsed = |field| invalid(format!("{field:?} value could not be parsed"));
        let is_set =
            |field, text: &str| begun_seconds(text).map(|time| time != 0).map_err(|_| unparsed(field));
        let kept = [
            ("explicit_max_ttl", is_set("explicit_max_ttl", &self.explicit_max_ttl)?),
            ("num_uses", self.num_uses != 0),
            ("period", is_set("period", &self.period)?),
        ];
        match kept.iter().find(|(_, is_set)| *is_set) {
            Some((field, _)) => Err(invalid(format!("batch tokens cannot have {field:?} set"))),
            None => Ok(TokenKind::Batch),
        }
    }

    /// The times, of which a period takes `sudo`.
    pub(super) fn times(&self, is_sudo: bool) -> Result<Times, Refusal> {
        let time = |field, text: &str| match begun_seconds(text) {
            Ok(seconds) if seconds < 0 => Err(invalid(format!("{field} must be positive"))),
            read => read.map_err(invalid),
        };
        let explicit_max_ttl = time("explicit_max_ttl", &self.explicit_max_ttl)?;
        let period = time("period", &self.period)?;
        if period > 0 && !is_sudo {
            return Err(invalid("root or sudo privileges required to create periodic token"));
        }
        let ttl = match self.ttl.as_str() {
            "" => time("lease", &self.lease)?,
            ttl => time("ttl", ttl)?,
        };
        Ok(Times { explicit_max_ttl, period, ttl })
    }
}
