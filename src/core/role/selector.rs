//! `bound_service_account_namespace_selector`: a LabelSelector in JSON or YAML, with `matchLabels` alone.

use std::collections::BTreeMap;

use serde_json::Value;

use super::LabelSelector;

/// A selector that does not decode, or has `matchExpressions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid \"bound_service_account_namespace_selector\" configured")]
pub struct SelectorError;

impl LabelSelector {
    /// Reads a selector as the reference does: the first document alone, keys in any case, unknown keys passed over,
    /// scalars as strings. No document and `null` select every namespace.
    ///
    /// # Errors
    /// Where the text is no object, `matchLabels` no object of scalars, or `matchExpressions` is there.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut bytes = text.as_bytes();
        let document = serde_saphyr::read::<_, Value>(&mut bytes).next().transpose();
        let mut match_labels = BTreeMap::new();
        for (key, value) in object(document.map_err(|_| SelectorError)?)? {
            if key.eq_ignore_ascii_case("matchLabels") {
                for (label, value) in object(Some(value))? {
                    match_labels.insert(label, scalar(value)?);
                }
            } else if key.eq_ignore_ascii_case("matchExpressions") && !value.is_null() {
                return Err(SelectorError);
            }
        }
        Ok(Self { text: text.to_owned(), match_labels })
    }
}

fn object(value: Option<Value>) -> Result<serde_json::Map<String, Value>, SelectorError> {
    match value {
        None | Some(Value::Null) => Ok(serde_json::Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(SelectorError),
    }
}

fn scalar(value: Value) -> Result<String, SelectorError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text),
        Value::Array(_) | Value::Object(_) => Err(SelectorError),
    }
}

#[cfg(test)]
mod tests {
    use super::{LabelSelector, SelectorError};

    #[test]
    fn a_selector_is_json_or_yaml_and_lenient_where_the_reference_is() {
        let cases: [(&str, &[(&str, &str)]); 12] = [
            (r#"{"matchLabels":{"stage":"prod"}}"#, &[("stage", "prod")]),
            ("matchLabels:\n  stage: prod\n  app: vault\n", &[("app", "vault"), ("stage", "prod")]),
            (r#"{"matchLabels":{"a":1}}"#, &[("a", "1")]),
            ("matchLabels: {a: true, b: null}", &[("a", "true"), ("b", "")]),
            ("matchlabels: {a: b}", &[("a", "b")]),
            ("matchLabels: {a: b}\n---\nmatchLabels: {c: d}", &[("a", "b")]),
            (r#"{"matchExpressions":null}"#, &[]),
            (r#"{"foo":"bar"}"#, &[]),
            ("{}", &[]),
            ("null", &[]),
            (" ", &[]),
            ("", &[]),
        ];
        for (text, labels) in cases {
            let selector = LabelSelector::parse(text).unwrap();
            let read: Vec<_> = selector.match_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(read, labels, "{text}");
            assert_eq!(selector.text, text);
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            r#"{"matchLabels":{"stage":"prod"}"#,
            "matchLabels:\n- stage: prod\n x",
            "hello",
            "[]",
            "[",
            r#"{"matchExpressions":[]}"#,
            r#"{"matchexpressions":[]}"#,
            r#"{"matchLabels":[]}"#,
            r#"{"matchLabels":{"a":{}}}"#,
        ] {
            assert_eq!(LabelSelector::parse(text), Err(SelectorError), "{text}");
        }
    }
}
