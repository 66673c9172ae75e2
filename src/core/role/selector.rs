//! `bound_service_account_namespace_selector`: a LabelSelector in JSON or YAML. The Vault door takes `matchLabels` alone.

mod expression;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use expression::{Expression, ExpressionError, Test};

/// A selector on a namespace's labels, and the text it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    /// As the operator wrote it, JSON or YAML.
    pub text: String,
    /// All of these must be there with these values.
    pub match_labels: BTreeMap<String, String>,
    /// All of these must hold as well; none where the text came by the Vault door.
    pub match_expressions: Vec<Expression>,
}

/// A selector that does not decode, or has `matchExpressions` where it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid \"bound_service_account_namespace_selector\" configured")]
pub struct SelectorError;

impl LabelSelector {
    /// A selector of its parts; its text is their JSON.
    pub fn new(match_labels: BTreeMap<String, String>, match_expressions: Vec<Expression>) -> Self {
        let mut parts = Map::new();
        if !match_labels.is_empty() {
            parts.insert("matchLabels".to_owned(), json!(match_labels));
        }
        if !match_expressions.is_empty() {
            let expressions = match_expressions.iter().map(Expression::json).collect();
            parts.insert("matchExpressions".to_owned(), Value::Array(expressions));
        }
        Self { text: Value::Object(parts).to_string(), match_labels, match_expressions }
    }

    /// Whether a namespace with these labels is selected.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|expression| expression.holds(labels))
    }

    /// Whether it selects every namespace, whatever its labels.
    pub fn selects_all(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Reads a selector as the reference does: the first document alone, keys in any case, unknown keys passed over,
    /// scalars as strings. No document and `null` select every namespace.
    ///
    /// # Errors
    /// Where the text is no object, `matchLabels` no object of scalars, or `matchExpressions` is there.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Self::read(text, |_| Err(SelectorError))
    }

    /// As [`LabelSelector::parse`], `matchExpressions` included.
    ///
    /// # Errors
    /// Where the text is no object, or a part of it is not as Kubernetes has it.
    pub fn parse_full(text: &str) -> Result<Self, SelectorError> {
        Self::read(text, |expressions| match expressions {
            Value::Array(items) => {
                items.iter().map(|item| Expression::of_json(item).ok_or(SelectorError)).collect()
            }
            _ => Err(SelectorError),
        })
    }

    fn read(
        text: &str,
        expressions: impl Fn(&Value) -> Result<Vec<Expression>, SelectorError>,
    ) -> Result<Self, SelectorError> {
        let mut bytes = text.as_bytes();
        let document = serde_saphyr::read::<_, Value>(&mut bytes).next().transpose();
        let mut match_labels = BTreeMap::new();
        let mut match_expressions = Vec::new();
        for (key, value) in object(document.map_err(|_| SelectorError)?)? {
            if key.eq_ignore_ascii_case("matchLabels") {
                for (label, value) in object(Some(value))? {
                    match_labels.insert(label, scalar(value)?);
                }
            } else if key.eq_ignore_ascii_case("matchExpressions") && !value.is_null() {
                match_expressions.extend(expressions(&value)?);
            }
        }
        Ok(Self { text: text.to_owned(), match_labels, match_expressions })
    }
}

fn object(value: Option<Value>) -> Result<Map<String, Value>, SelectorError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
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

    #[test]
    fn expressions_are_read_where_they_may_be_and_shown_as_they_are_read() {
        let text = r#"{"matchExpressions":[{"key":"stage","operator":"In","values":["prod","test"]},{"key":"old","operator":"DoesNotExist"}],"matchLabels":{"a":"b"}}"#;
        assert_eq!(LabelSelector::parse(text), Err(SelectorError));
        let selector = LabelSelector::parse_full(text).unwrap();
        assert_eq!(selector.match_expressions.len(), 2);
        let made = LabelSelector::new(selector.match_labels.clone(), selector.match_expressions.clone());
        assert_eq!(LabelSelector::parse_full(&made.text), Ok(made.clone()));
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert!(made.selects(&labels(&[("a", "b"), ("stage", "test")])));
        assert!(!made.selects(&labels(&[("stage", "test")])));
        assert!(!made.selects(&labels(&[("a", "b"), ("stage", "test"), ("old", "")])));
        assert!(!made.selects_all() && LabelSelector::default().selects_all());
    }

    #[test]
    fn expressions_that_kubernetes_would_refuse_are_refused() {
        for expressions in [
            "{}",
            "[1]",
            r#"[{"operator":"Exists"}]"#,
            r#"[{"key":"a"}]"#,
            r#"[{"key":"a","operator":"Is","values":["b"]}]"#,
            r#"[{"key":"a","operator":"In","values":"b"}]"#,
            r#"[{"key":"a","operator":"In","values":[1]}]"#,
        ] {
            let text = format!("{{\"matchExpressions\":{expressions}}}");
            assert_eq!(LabelSelector::parse_full(&text), Err(SelectorError), "{text}");
        }
    }
}
