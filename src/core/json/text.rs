//! JSON strings: unescaped as Go's decoder does, and written.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A long text that is most likely written to JSON as it is, such as a token: then in one piece, and not byte by byte.
#[derive(Debug, Clone, Copy)]
pub struct AsItIs<'a>(pub &'a str);

impl Serialize for AsItIs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(text) = *self;
        if unstopped(text.as_bytes()) == text.len()
            && let quoted = ["\"", text, "\""].concat()
            && let Ok(raw) = serde_json::from_str::<&RawValue>(&quoted)
        {
            return raw.serialize(serializer);
        }
        serializer.serialize_str(text)
    }
}

/// A text with U+FFFD in the place of what is no UTF-8; what is all UTF-8 is seen to be so in larger steps than
/// [`String::from_utf8_lossy`] takes.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// How many bytes there are before the first that cannot stand in a JSON string as it is: a quote, a backslash, a control
/// character. Looks at eight at a time.
pub(super) fn unstopped(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A borrow may mark bytes behind the first that is meant, none before it.
        let stops = below(word, b' ') | is(word, b'"') | is(word, b'\\');
        if stops != 0 {
            return at.saturating_mul(8).saturating_add(stops.trailing_zeros() as usize / 8);
        }
    }
    let stops = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    let left = rest.iter().position(stops).unwrap_or(rest.len());
    words.len().saturating_mul(8).saturating_add(left)
}

/// Unescapes a string with its quotes, as Go's decoder does.
pub(super) fn unescape(quoted: &str, is_escaped: bool) -> Cow<'_, str> {
    let text = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if !is_escaped {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => out.push(unicode(&mut rest)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// What follows `\u`: four hexadecimal digits, and a second escape where they are half of a pair.
fn unicode(rest: &mut std::str::Chars<'_>) -> char {
    let Some(first) = hex4(rest) else { return char::REPLACEMENT_CHARACTER };
    if let Some(character) = char::from_u32(first) {
        return character;
    }
    let mut ahead = rest.clone();
    if (ahead.next(), ahead.next()) == (Some('\\'), Some('u'))
        && let Some(second) = hex4(&mut ahead)
        && let Some(Ok(character)) = char::decode_utf16([first as u16, second as u16]).next()
    {
        *rest = ahead;
        return character;
    }
    char::REPLACEMENT_CHARACTER
}

fn hex4(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |number, _| Some(number * 16 + rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AsItIs, unstopped};

    proptest! {
        #[test]
        fn the_first_that_must_be_escaped_is_found_wherever_it_stands(
            text in proptest::collection::vec(prop_oneof![8 => 0x20..=0xff_u8, 1 => any::<u8>()], 0..40)
        ) {
            let stops = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            prop_assert_eq!(unstopped(&text), text.iter().position(stops).unwrap_or(text.len()));
        }

        #[test]
        fn a_text_is_written_as_any_other(text in "(\\PC|[\"\\\\\n]){0,30}") {
            prop_assert_eq!(serde_json::to_string(&AsItIs(&text)).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
