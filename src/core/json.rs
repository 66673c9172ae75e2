//! JSON, strictly: no key twice at any depth, nothing behind the end, any depth up to a limit.
//!
//! Tokens come from strangers, so this reads bytes once and without recursion, takes text that is no UTF-8 (as the
//! reference does, with U+FFFD in its place) and costs at most n log n.

mod scan;
mod text;

use std::borrow::Cow;

use text::unescape;
pub use text::{AsItIs, lossy};

/// The deepest nesting that is read, as in Go's decoder.
const MAX_DEPTH: usize = 10_000;

/// The longest text that is read: places in it are kept in 32 bits.
const MAX_BYTES: usize = u32::MAX as usize;

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

/// A text that was checked to be one JSON value, and where all of its values stand.
#[derive(Debug)]
pub struct Document<'a> {
    text: Cow<'a, str>,
    nodes: Nodes,
}

/// Each value before those in it; a key before its member.
type Nodes = Vec<Node>;

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// How many nodes are in it; they follow it.
    inner: u32,
    kind: Kind,
    /// It is a text with escapes.
    is_escaped: bool,
}

impl<'a> Document<'a> {
    /// Reads a whole text as one value; what is no UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// Where it is not exactly one JSON value, or holds a key twice in one object.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        let text = lossy(text);
        let nodes = scan::scan(&text)?;
        Ok(Self { text, nodes })
    }

    /// The value that it is.
    pub fn value(&self) -> Value<'_> {
        let mut all = Values { text: &self.text, nodes: &self.nodes };
        // There always is one.
        all.next().unwrap_or(Value { kind: Kind::Null, text: "null", is_escaped: false, inner: all })
    }
}

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub struct Value<'d> {
    /// What it is.
    pub kind: Kind,
    /// Its text, quotes and brackets included.
    pub text: &'d str,
    is_escaped: bool,
    inner: Values<'d>,
}

/// Values that stand beside each other.
#[derive(Debug, Clone, Copy)]
struct Values<'d> {
    text: &'d str,
    nodes: &'d [Node],
}

impl<'d> Iterator for Values<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let (first, rest) = self.nodes.split_first()?;
        let (inner, rest) = rest.split_at_checked(first.inner as usize)?;
        self.nodes = rest;
        let text = self.text.get(first.start as usize..first.end as usize)?;
        let inner = Self { nodes: inner, ..*self };
        Some(Value { kind: first.kind, text, is_escaped: first.is_escaped, inner })
    }
}

impl<'d> Value<'d> {
    /// The members of an object with their keys, or nothing for another kind.
    pub fn members(self) -> impl Iterator<Item = (Cow<'d, str>, Value<'d>)> {
        let mut inner = self.inner_of(Kind::Object);
        std::iter::from_fn(move || {
            let key = inner.next()?;
            Some((unescape(key.text, key.is_escaped), inner.next()?))
        })
    }

    /// The items of an array, or nothing for another kind.
    pub fn items(self) -> impl Iterator<Item = Value<'d>> {
        self.inner_of(Kind::Array)
    }

    fn inner_of(self, kind: Kind) -> Values<'d> {
        if self.kind == kind { self.inner } else { Values { nodes: &[], ..self.inner } }
    }

    /// The text of a string, unescaped.
    pub fn as_text(self) -> Option<Cow<'d, str>> {
        (self.kind == Kind::Text).then(|| unescape(self.text, self.is_escaped))
    }

    /// The whole part of a number, at most the largest that fits.
    pub fn as_integer(self) -> Option<i64> {
        if self.kind != Kind::Number {
            return None;
        }
        let text = self.text;
        #[expect(clippy::cast_possible_truncation, reason = "far dates are meant to saturate")]
        text.parse::<i64>().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Document, JsonError};

    #[test]
    fn a_key_that_is_there_twice_is_found_at_any_depth_and_through_escapes() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":[{"a":1,"b":{},"a":2}]}"#,
            r#"{"aud":1,"\u0061ud":2}"#,
            r#"[{"k":{"z":1,"z":1}}]"#,
        ] {
            assert_eq!(Document::parse(text.as_bytes()).err(), Some(JsonError::DuplicateKey), "{text}");
        }
        let not_utf_8 = b"{\"a\xff\":1,\"a\xfe\":2}";
        assert_eq!(Document::parse(not_utf_8).err(), Some(JsonError::DuplicateKey));
        let wide: String = (0..200).map(|n| format!("\"k{n}\":0,")).collect();
        assert!(Document::parse(format!("{{{wide}\"z\":0}}").as_bytes()).is_ok());
        assert_eq!(
            Document::parse(format!("{{{wide}\"k7\":0}}").as_bytes()).err(),
            Some(JsonError::DuplicateKey)
        );
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
            assert_eq!(Document::parse(text.as_bytes()).err(), Some(JsonError::Syntax), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Document::parse(nested(10_000).as_bytes()).is_ok());
        assert_eq!(Document::parse(nested(10_001).as_bytes()).err(), Some(JsonError::Depth));
    }

    #[test]
    fn text_that_is_not_utf_8_and_broken_pairs_become_the_replacement_character() {
        let document = Document::parse(b"\"a\xff\\ud800b\\ud83d\\ude00\"").unwrap();
        assert_eq!(document.value().as_text().unwrap(), "a\u{fffd}\u{fffd}b\u{1f600}");
    }

    #[test]
    fn numbers_are_cut_to_their_whole_part_and_saturate() {
        let cases =
            [("1.9", 1), ("-1.9", -1), ("1e3", 1000), ("9223372036854775807", i64::MAX), ("1e400", i64::MAX)];
        for (text, expected) in cases {
            assert_eq!(
                Document::parse(text.as_bytes()).unwrap().value().as_integer(),
                Some(expected),
                "{text}"
            );
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
            let scanned = Document::parse(text.as_bytes()).unwrap();
            if let Some(object) = value.as_object() {
                let mut seen = serde_json::Map::new();
                for (key, member) in scanned.value().members() {
                    seen.insert(key.into_owned(), serde_json::from_str(member.text).unwrap());
                }
                prop_assert_eq!(&seen, object);
            }
            if let Some(array) = value.as_array() {
                let seen: Vec<serde_json::Value> =
                    scanned.value().items().map(|item| serde_json::from_str(item.text).unwrap()).collect();
                prop_assert_eq!(&seen, array);
            }
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _read = Document::parse(&bytes);
        }
    }
}
