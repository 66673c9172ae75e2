//! Values that are written as texts.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads a text by `parse`; whatever else is there is told what was expected.
pub(super) fn parsed<'de, D, T, P>(deserializer: D, expected: &'static str, parse: P) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    P: FnOnce(&str) -> Option<T>,
{
    deserializer.deserialize_str(Text { expected, parse })
}

struct Text<P> {
    expected: &'static str,
    parse: P,
}

impl<T, P: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<P> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let expected = self.expected;
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &expected))
    }
}
