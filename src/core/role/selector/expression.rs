//! One of a selector's `matchExpressions`, with Kubernetes' meaning.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::core::object_name::is_subdomain;

/// A requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    key: String,
    test: Test,
}

/// What is required of the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is there with one of these values.
    In(Vec<String>),
    /// It is not there, or has none of these values.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No operator of Kubernetes.
    #[error("expected one of `In`, `NotIn`, `Exists`, `DoesNotExist`, found `{0}`")]
    Operator(String),
    /// `In` or `NotIn` of nothing.
    #[error("expected values for `{0}`")]
    NoValues(&'static str),
    /// `Exists` or `DoesNotExist` with values.
    #[error("expected no values for `{0}`")]
    Values(&'static str),
    /// A key that no label can have.
    #[error("expected a label's key, found `{0}`")]
    Key(String),
    /// A value that no label can have.
    #[error("expected a label's value, found `{0}`")]
    Value(String),
}

impl Expression {
    /// Makes an expression of what stands in a LabelSelector.
    ///
    /// # Errors
    /// Where Kubernetes would refuse it.
    pub fn new(key: &str, operator: &str, values: &[String]) -> Result<Self, ExpressionError> {
        if !is_key(key) {
            return Err(ExpressionError::Key(key.to_owned()));
        }
        if let Some(value) = values.iter().find(|value| !value.is_empty() && !is_name(value)) {
            return Err(ExpressionError::Value(value.clone()));
        }
        let test = match operator {
            "In" => Test::In(values.to_vec()),
            "NotIn" => Test::NotIn(values.to_vec()),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            other => return Err(ExpressionError::Operator(other.to_owned())),
        };
        match &test {
            Test::In(_) | Test::NotIn(_) if values.is_empty() => {
                Err(ExpressionError::NoValues(test.operator()))
            }
            Test::Exists | Test::DoesNotExist if !values.is_empty() => {
                Err(ExpressionError::Values(test.operator()))
            }
            _ => Ok(Self { key: key.to_owned(), test }),
        }
    }

    /// The label's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is required of it.
    pub const fn test(&self) -> &Test {
        &self.test
    }

    pub(super) fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut json = json!({"key": self.key, "operator": self.test.operator()});
        if let (Some(object), values @ [_, ..]) = (json.as_object_mut(), self.test.values()) {
            object.insert("values".to_owned(), json!(values));
        }
        json
    }

    pub(super) fn of_json(json: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let values = match json.get("values") {
            None | Some(Value::Null) => Vec::new(),
            Some(values) => values.as_array()?.iter().map(text).collect::<Option<_>>()?,
        };
        Self::new(json.get("key")?.as_str()?, json.get("operator")?.as_str()?, &values).ok()
    }
}

impl Test {
    /// Kubernetes' name for it.
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::In(_) => "In",
            Self::NotIn(_) => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
        }
    }

    /// The values that it compares with.
    pub fn values(&self) -> &[String] {
        match self {
            Self::In(values) | Self::NotIn(values) => values,
            Self::Exists | Self::DoesNotExist => &[],
        }
    }
}

/// A name, or a DNS name, a slash and a name.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((domain, name)) => is_name(name) && is_subdomain(domain),
    }
}

/// At most 63 letters, digits and `-_.`, the first and the last a letter or digit.
fn is_name(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    name.len() <= 63
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Expression, ExpressionError};

    fn expression(key: &str, operator: &str, values: &[&str]) -> Result<Expression, ExpressionError> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Expression::new(key, operator, &values)
    }

    #[test]
    fn each_operator_has_the_meaning_of_kubernetes() {
        let of = |value: Option<&str>| -> BTreeMap<String, String> {
            value.map(|value| ("stage".to_owned(), value.to_owned())).into_iter().collect()
        };
        for (operator, values, prod, other, none) in [
            ("In", &["prod", "test"][..], true, false, false),
            ("NotIn", &["prod", "test"], false, true, true),
            ("Exists", &[], true, true, false),
            ("DoesNotExist", &[], false, false, true),
        ] {
            let expression = expression("stage", operator, values).unwrap();
            let seen = [Some("prod"), Some("dev"), None].map(|value| expression.holds(&of(value)));
            assert_eq!(seen, [prod, other, none], "{operator}");
        }
        assert!(expression("stage", "In", &[""]).unwrap().holds(&of(Some(""))));
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        let long = "a".repeat(64);
        for (key, operator, values) in [
            ("", "Exists", &[][..]),
            ("a b", "DoesNotExist", &[]),
            ("/a", "DoesNotExist", &[]),
            ("A.example/a", "DoesNotExist", &[]),
            ("a/b/c", "DoesNotExist", &[]),
            (long.as_str(), "DoesNotExist", &[]),
            ("a", "in", &["b"]),
            ("a", "In", &[]),
            ("a", "NotIn", &[]),
            ("a", "NotIn", &["b c"]),
            ("a", "Exists", &["b"]),
            ("a", "DoesNotExist", &["b"]),
        ] {
            assert!(expression(key, operator, values).is_err(), "{key} {operator} {values:?}");
        }
        assert!(expression("kubernetes.io/metadata.name", "NotIn", &["kube-system"]).is_ok());
    }
}
