//! Weak decoding of Vault's request fields: the caller's JSON, read as the framework's `FieldData` reads it.
//!
//! Numbers count as their own text. A getter gives none where the field was not supplied. No error shows the value
//! of an object or array, which may be a secret in the wrong place.

mod duration;
mod scalar;

use std::collections::BTreeMap;

pub use duration::begun_seconds;
use serde_json::{Map, Value};

use scalar::{kind, number_text, scalar_text};

/// A supplied field that cannot be read as its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error converting input for field {field:?}: {reason}")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The fields of one request.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a Map<String, Value>);

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.0.keys()).finish()
    }
}

impl<'a> Fields<'a> {
    /// Looks at a JSON object as fields.
    pub fn new(object: &'a Map<String, Value>) -> Self {
        Self(object)
    }

    /// Whether the field was supplied, be it as null.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Whether the field was supplied as null.
    pub fn is_null(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(Value::is_null)
    }

    /// The names that are not among the known ones, sorted.
    pub fn unknown(&self, known: &[&str]) -> Vec<&'a str> {
        let mut unknown: Vec<_> =
            self.0.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
        unknown.sort_unstable();
        unknown
    }

    /// String: a string, a number's text, `1` or `0` for a boolean, nothing for null.
    ///
    /// # Errors
    /// For an array or object.
    pub fn string(&self, field: &'static str) -> Result<Option<String>, FieldError> {
        self.get(field, |value| scalar_text(value).ok_or_else(|| unconvertible("string", value)))
    }

    /// Bool: a boolean, or what Go's `strconv.ParseBool` takes; null and the empty string are false.
    ///
    /// # Errors
    /// For everything else.
    pub fn boolean(&self, field: &'static str) -> Result<Option<bool>, FieldError> {
        self.get(field, |value| match scalar_text(value) {
            Some(text) => scalar::boolean(&text),
            None => Err(unconvertible("bool", value)),
        })
    }

    /// Int: an integer in the notations of Go's `strconv.ParseInt` with base 0; null and the empty string are 0.
    ///
    /// # Errors
    /// For everything else.
    pub fn integer(&self, field: &'static str) -> Result<Option<i64>, FieldError> {
        self.get(field, |value| match scalar_text(value) {
            Some(text) => scalar::integer(&text),
            None => Err(unconvertible("int", value)),
        })
    }

    /// DurationSecond: seconds, a Go duration (`1h30m`) or days (`2d`), as whole seconds. Null is not supplied.
    ///
    /// # Errors
    /// For everything else, and for negative or too long durations.
    pub fn seconds(&self, field: &'static str) -> Result<Option<i64>, FieldError> {
        self.duration(field, duration::seconds)
    }

    /// The same with a begun second as a whole one, where the reference keeps what is below a second: however short a
    /// bound is, it stays one.
    ///
    /// # Errors
    /// As [`seconds`](Self::seconds).
    pub fn begun_seconds(&self, field: &'static str) -> Result<Option<i64>, FieldError> {
        self.duration(field, |text| begun_seconds(text).and_then(duration::not_negative))
    }

    fn duration(
        &self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<i64, String>,
    ) -> Result<Option<i64>, FieldError> {
        if self.is_null(field) {
            return Ok(None);
        }
        self.get(field, |value| match value {
            Value::String(text) => read(text),
            Value::Number(number) => read(&number_text(number)),
            _ => Err("could not parse duration from input".to_owned()),
        })
    }

    /// CommaStringSlice: an array of scalars, each whole, or one scalar split at its commas; every item is trimmed.
    ///
    /// # Errors
    /// For an object with keys, and an array that holds more than scalars.
    pub fn list(&self, field: &'static str) -> Result<Option<Vec<String>>, FieldError> {
        self.get(field, |value| {
            let items = match value {
                Value::Null => vec![],
                Value::String(text) if text.is_empty() => vec![],
                Value::Object(object) if object.is_empty() => vec![],
                Value::String(text) => text.split(',').map(str::to_owned).collect(),
                Value::Array(items) => texts(items)?,
                other => vec![scalar_text(other).ok_or_else(|| unconvertible("string", other))?],
            };
            Ok(items.iter().map(|item| item.trim().to_owned()).collect())
        })
    }

    /// A list whose parts are whole: an array of scalars, or one scalar.
    ///
    /// # Errors
    /// For an object, and an array that holds more than scalars.
    pub fn items(&self, field: &'static str) -> Result<Option<Vec<String>>, FieldError> {
        self.get(field, |value| match value {
            Value::Null => Ok(vec![]),
            Value::Array(items) => texts(items),
            other => Ok(vec![scalar_text(other).ok_or_else(|| unconvertible("string", other))?]),
        })
    }

    /// KVPairs: an object of scalars, one string `key=value`, or an array of such strings.
    ///
    /// # Errors
    /// For everything else, the empty string included.
    pub fn pairs(&self, field: &'static str) -> Result<Option<BTreeMap<String, String>>, FieldError> {
        self.get(field, |value| match value {
            Value::Null => Ok(BTreeMap::new()),
            Value::Object(object) => object
                .iter()
                .map(|(key, item)| match scalar_text(item) {
                    Some(text) => Ok((key.clone(), text)),
                    None => Err(unconvertible("string", item)),
                })
                .collect(),
            Value::Array(items) => texts(items)?.iter().map(|item| pair(item)).collect(),
            other => {
                let text = scalar_text(other).unwrap_or_default();
                Ok(BTreeMap::from([pair(&text)?]))
            }
        })
    }

    fn get<T>(
        &self,
        field: &'static str,
        decode: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, FieldError> {
        self.0.get(field).map(decode).transpose().map_err(|reason| FieldError { field, reason })
    }
}

fn texts(items: &[Value]) -> Result<Vec<String>, String> {
    items.iter().map(|item| scalar_text(item).ok_or_else(|| unconvertible("string", item))).collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("invalid key pair {text:?}")),
    }
}

fn unconvertible(expected: &str, value: &Value) -> String {
    format!("'' expected type '{expected}', got unconvertible type '{}'", kind(value))
}

#[cfg(test)]
mod tests;
