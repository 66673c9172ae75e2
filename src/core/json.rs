//! One level of a JSON object, strictly: no key twice at any depth, nothing behind the end, any depth up to a limit.
//!
//! Tokens come from strangers, so this reads bytes without recursion, takes text that is no UTF-8 (as the
//! reference does, with U+FFFD in its place) and costs at most n log n.

mod scan;
mod text;

use std::borrow::Cow;

use scan::Scanner;
use text::unescape;

/// The deepest nesting that is read, as in Go's decoder.
const MAX_DEPTH: usize = 10_000;

/// Why a text is not read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or more than one value.
    #[error("not one JSON value")]
    Syntax,
    /// A key is there twice in one object.
    #[error("a key is there twice")]
    DuplicateKey,
    /// Nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// The kind of a value that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, as its text.
    Number,
    /// A text in quotes, escapes and all.
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// A value whose whole text has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text, quotes and brackets included.
    pub text: &'a [u8],
}

impl<'a> Value<'a> {
    /// Reads a whole text as one value.
    ///
    /// # Errors
    /// Where it is not exactly one JSON value, or holds a key twice in one object.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        let mut scanner = Scanner { text, at: 0 };
        let value = scanner.value(&mut |_, _, _| ())?;
        scanner.end()?;
        Ok(value)
    }

    /// The members of an object whose text has been checked, or nothing for another kind.
    pub fn members(self, mut visit: impl FnMut(&str, Value<'a>)) {
        if self.kind == Kind::Object {
            // The text was checked when this value was made: a second error cannot be.
            let _checked = Scanner { text: self.text, at: 0 }.value(&mut |depth, key, value| {
                if depth == 1 {
                    visit(&unescape(key), value);
                }
            });
        }
    }

    /// The items of an array whose text has been checked, or nothing for another kind.
    pub fn items(self) -> Vec<Value<'a>> {
        let mut items = Vec::new();
        if self.kind == Kind::Array
            && let Some(inner) = self.text.get(1..self.text.len().saturating_sub(1))
        {
            let mut scanner = Scanner { text: inner, at: 0 };
            while let Ok(item) = scanner.value(&mut |_, _, _| ()) {
                items.push(item);
                scanner.blanks();
                scanner.at = scanner.at.saturating_add(1);
            }
        }
        items
    }

    /// The text of a string, unescaped; what is no UTF-8 becomes U+FFFD.
    pub fn as_text(self) -> Option<Cow<'a, str>> {
        (self.kind == Kind::Text).then(|| unescape(self.text))
    }

    /// The whole part of a number, at most the largest that fits.
    pub fn as_integer(self) -> Option<i64> {
        if self.kind != Kind::Number {
            return None;
        }
        let text = std::str::from_utf8(self.text).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "far dates are meant to saturate")]
        text.parse::<i64>().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{JsonError, Value};

    #[test]
    fn a_key_that_is_there_twice_is_found_at_any_depth_and_through_escapes() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":[{"a":1,"b":{},"a":2}]}"#,
            r#"{"aud":1,"\u0061ud":2}"#,
            r#"[{"k":{"z":1,"z":1}}]"#,
        ] {
            assert_eq!(Value::parse(text.as_bytes()), Err(JsonError::DuplicateKey), "{text}");
        }
        let wide: String = (0..200).map(|n| format!("\"k{n}\":0,")).collect();
        assert!(Value::parse(format!("{{{wide}\"z\":0}}").as_bytes()).is_ok());
        assert_eq!(Value::parse(format!("{{{wide}\"k7\":0}}").as_bytes()), Err(JsonError::DuplicateKey));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{} x",
            "01",
            "1.",
            "-",
            "1e",
            "\"\\x\"",
            "\"a",
            "nul",
            "{\"a\" 1}",
            "{1:2}",
            "]",
        ] {
            assert_eq!(Value::parse(text.as_bytes()), Err(JsonError::Syntax), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::parse(nested(10_000).as_bytes()).is_ok());
        assert_eq!(Value::parse(nested(10_001).as_bytes()), Err(JsonError::Depth));
    }

    #[test]
    fn text_that_is_not_utf_8_and_broken_pairs_become_the_replacement_character() {
        let value = Value::parse(b"\"a\xff\\ud800b\\ud83d\\ude00\"").unwrap();
        assert_eq!(value.as_text().unwrap(), "a\u{fffd}\u{fffd}b\u{1f600}");
    }

    #[test]
    fn numbers_are_cut_to_their_whole_part_and_saturate() {
        let cases =
            [("1.9", 1), ("-1.9", -1), ("1e3", 1000), ("9223372036854775807", i64::MAX), ("1e400", i64::MAX)];
        for (text, expected) in cases {
            assert_eq!(Value::parse(text.as_bytes()).unwrap().as_integer(), Some(expected), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::btree_map("\\PC{0,6}", inner, 0..6)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_and_items_are_those_of_a_full_decoder(value in json()) {
            let text = value.to_string();
            let scanned = Value::parse(text.as_bytes()).unwrap();
            if let Some(object) = value.as_object() {
                let mut seen = serde_json::Map::new();
                scanned.members(|key, member| {
                    seen.insert(key.to_owned(), serde_json::from_slice(member.text).unwrap());
                });
                prop_assert_eq!(&seen, object);
            }
            if let Some(array) = value.as_array() {
                let seen: Vec<serde_json::Value> =
                    scanned.items().into_iter().map(|item| serde_json::from_slice(item.text).unwrap()).collect();
                prop_assert_eq!(&seen, array);
            }
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _read = Value::parse(&bytes);
        }
    }
}
