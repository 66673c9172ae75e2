//! Queries and forms: pairs of names and values, as Go's `net/url` reads them.

use serde_json::{Map, Value};

/// A parameter that asks for help and is never a field.
const HELP: &str = "help";

/// Each pair in its order; none in the place of one that cannot be read: a broken escape, or a semicolon.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = Option<(String, String)>> {
    text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let good = !pair.contains(&b';') && pair.split(|byte| *byte == b'%').skip(1).all(is_escape);
        let decoded = form_urlencoded::parse(pair).next().filter(|_| good);
        decoded.map(|(name, value)| (name.into_owned(), value.into_owned()))
    })
}

fn is_escape(after_percent: &[u8]) -> bool {
    after_percent.get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The parameters of a request. What cannot be read is left out, as the reference does.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text behind `?`.
    pub(super) fn read(text: Option<&str>) -> Self {
        Self(text.map_or_else(Vec::new, |text| pairs(text.as_bytes()).flatten().collect()))
    }

    /// The first value under a name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether help is asked for, whatever the method says.
    pub(super) fn is_for_help(&self) -> bool {
        self.first(HELP).is_some_and(|value| !value.is_empty())
    }

    /// Takes all values under a name away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// The parameters as fields; several values under one name are a list.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, value) in self.0 {
            if name == HELP {
                continue;
            }
            match fields.get_mut(&name) {
                None => drop(fields.insert(name, value.into())),
                Some(Value::Array(values)) => values.push(value.into()),
                Some(one) => *one = Value::Array(vec![one.take(), value.into()]),
            }
        }
        fields
    }
}

/// Go's `strconv.ParseBool`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::Query;

    fn fields(text: &str) -> Value {
        Value::Object(Query::read(Some(text)).into_fields())
    }

    #[test]
    fn parameters_are_fields() {
        for (text, expected) in [
            ("", json!({})),
            ("&&", json!({})),
            ("a=1", json!({"a": "1"})),
            ("a", json!({"a": ""})),
            ("a=1&b=x%20y+z", json!({"a": "1", "b": "x y z"})),
            ("a=1&a=2&a=3&b=", json!({"a": ["1", "2", "3"], "b": ""})),
            ("a=b=c", json!({"a": "b=c"})),
            ("help=1&a=2", json!({"a": "2"})),
            ("%61=%ff", json!({"a": "\u{fffd}"})),
        ] {
            assert_eq!(fields(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in ["a=%zz&b=1", "a=%&b=1", "a=1;c=2&b=1", "%4=x&b=1"] {
            assert_eq!(fields(text), json!({"b": "1"}), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(text in "(&|=|;|%|%41|help|\\PC){0,16}") {
            let _fields = fields(&text);
        }
    }
}
