//! `sys/policies/acl` and the older `sys/policy`: what a write means, and how policies are told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::core::acl::{Policy, is_unwritable};
use crate::core::fields::Fields;
use crate::vault::call::of_field;
use crate::vault::outcome::{Answer, Class, Refusal};

/// The policy that allows everything. It has no text, and nobody writes it.
pub const ROOT: &str = "root";

/// The policy of every token that does not ask to go without it.
pub const DEFAULT: &str = "default";

/// The policy of tokens that hold a wrapped answer. Nobody writes it, and no list shows it.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";

/// The two families of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `sys/policies/acl`
    Acl,
    /// `sys/policy`, which calls the text `rules` and tells everything at the top as well.
    Old,
}

impl Form {
    /// Every field of a write, for the search for unknown ones; `name` comes from the path.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Acl => &["name", "policy"],
            Self::Old => &["name", "policy", "rules"],
        }
    }

    fn answer(self, data: Map<String, Value>) -> Answer {
        Answer { data: Some(data), data_at_top: self == Self::Old, ..Answer::default() }
    }
}

/// A write that may be done.
#[derive(Debug, Clone)]
pub struct PolicyWrite {
    /// Under which it is stored: lower case.
    pub name: String,
    /// As it is to be stored: the text itself, also where it came as base64.
    pub text: String,
    /// The text, read.
    pub policy: Policy,
    /// For the caller.
    pub warnings: Vec<String>,
}

impl PolicyWrite {
    /// What the caller gets when it is done: nothing, or the warnings.
    pub fn answer(self) -> Answer {
        Answer { warnings: self.warnings, ..Answer::default() }
    }
}

/// The name under which a policy is stored, whatever the case of the caller's.
pub fn stored_name(name: &str) -> String {
    name.to_lowercase()
}

/// A policy's answer to a read; `name` as it is stored.
pub fn read_answer(form: Form, name: &str, text: &str) -> Answer {
    let text_key = match form {
        Form::Acl => "policy",
        Form::Old => "rules",
    };
    form.answer(Map::from_iter([("name".to_owned(), name.into()), (text_key.to_owned(), text.into())]))
}

/// All names in order, and `root` behind them. `default` is always there, whether it is stored or not.
pub fn list_answer<'a>(form: Form, stored: impl IntoIterator<Item = &'a str>) -> Answer {
    let mut names: Vec<&str> =
        stored.into_iter().filter(|name| ![ROOT, DEFAULT, RESPONSE_WRAPPING].contains(name)).collect();
    names.push(DEFAULT);
    names.sort_unstable();
    names.dedup();
    names.push(ROOT);
    let keys = Value::from(names);
    let mut data = Map::from_iter([("keys".to_owned(), keys.clone())]);
    if form == Form::Old {
        data.insert("policies".to_owned(), keys);
    }
    form.answer(data)
}

/// Reads a write.
///
/// # Errors
/// Where there is no text, it is no policy, or the policy is not to be written.
pub fn parse_write(form: Form, name: &str, fields: &Map<String, Value>) -> Result<PolicyWrite, Refusal> {
    let stored = stored_name(name);
    let mut warnings = Vec::new();
    if stored != name {
        warnings.push(format!("policy name was converted to {stored}"));
    }
    let given = given(form, fields, &mut warnings)?;
    let text = from_base64(&given)?.unwrap_or(given);
    let policy = Policy::parse(&text).map_err(|error| invalid(error.to_string()))?;
    if is_unwritable(&stored) {
        return Err(invalid(format!("cannot update {stored:?} policy")));
    }
    warnings.extend(policy.unenforced().iter().map(|what| format!("{what} is not enforced")));
    Ok(PolicyWrite { name: stored, text, policy, warnings })
}

/// The name of the policy that a delete takes away.
///
/// # Errors
/// For policies that stay.
pub fn parse_delete(name: &str) -> Result<String, Refusal> {
    let stored = stored_name(name);
    match stored.as_str() {
        DEFAULT => Err(invalid("cannot delete default policy")),
        ROOT | RESPONSE_WRAPPING => Err(invalid(format!("cannot delete {stored:?} policy"))),
        _ => Ok(stored),
    }
}

/// The text as it was given.
fn given(form: Form, fields: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<String, Refusal> {
    let fields = Fields::new(fields);
    let text = |field| match fields.string(field) {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(error) => Err(of_field(&error)),
    };
    let policy = text("policy")?;
    let rules = if form == Form::Old { text("rules")? } else { String::new() };
    if policy.is_empty() && rules.is_empty() {
        return Err(invalid("'policy' parameter not supplied or empty"));
    }
    if !policy.is_empty() {
        return Ok(policy);
    }
    warnings.push("'rules' is deprecated, please use 'policy' instead".to_owned());
    Ok(rules)
}

/// The text within, where all of it is base64. Line ends may stand in it, as tools put them there.
fn from_base64(text: &str) -> Result<Option<String>, Refusal> {
    let Ok(bytes) = STANDARD.decode(text.replace(['\r', '\n'], "")) else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(invalid("failed to parse policy: illegal UTF-8 encoding")),
    }
}

fn invalid(error: impl Into<String>) -> Refusal {
    Refusal::new(Class::Invalid, error)
}

#[cfg(test)]
mod tests;
