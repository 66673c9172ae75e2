//! JSON strings, unescaped as Go's decoder does.

use std::borrow::Cow;

/// A text with U+FFFD in the place of what is no UTF-8; what is all UTF-8 is seen to be so in larger steps than
/// [`String::from_utf8_lossy`] takes.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Unescapes a string with its quotes, as Go's decoder does.
pub(super) fn unescape(quoted: &[u8]) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains(&b'\\') {
        return lossy(inner);
    }
    let text = lossy(inner);
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
