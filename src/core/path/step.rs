//! The steps from one reading of a path to another.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem, memrchr};

/// Makes another reading of one; nothing where it would be the same. Never longer than what it is made of.
pub(super) type Step = fn(&[u8]) -> Option<Cow<'_, [u8]>>;

/// Every step but percent-decoding.
pub(super) const ALL: [Step; 12] = [
    |path| resolve(path, dots),
    |path| resolve(path, dots_or_escapes),
    merge_slashes,
    backslashes_as_slashes,
    cut_segments,
    |path| cut(path, memchr(b';', path)),
    |path| cut(path, memchr(b'\0', path)),
    |path| cut(path, memchr(b'?', path)),
    |path| cut(path, memchr(b'#', path)),
    |path| cut(path, escape_before_raw(path, b'\0')),
    |path| cut(path, escape_before_raw(path, b'?')),
    |path| cut(path, escape_before_raw(path, b'#')),
];

/// Replaces each escape by its byte.
pub(super) fn decode(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((at, byte)) = next_escape(rest) {
        decoded.reserve(rest.len());
        decoded.extend_from_slice(rest.get(..at)?);
        decoded.push(byte);
        rest = rest.get(at.saturating_add(3)..)?;
    }
    if rest.len() == path.len() {
        return None;
    }
    decoded.extend_from_slice(rest);
    Some(decoded.into())
}

/// The byte that an escape at the beginning of the text means.
pub(super) fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, ..] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    }
}

/// Where the first escape is, and what it means.
fn next_escape(text: &[u8]) -> Option<(usize, u8)> {
    memchr_iter(b'%', text).find_map(|at| Some((at, escaped(text.get(at..)?)?)))
}

/// Where the first escape of a byte is, if it comes before the byte itself; else a cut there is that at the raw byte.
fn escape_before_raw(path: &[u8], wanted: u8) -> Option<usize> {
    let before = path.get(..memchr(wanted, path).unwrap_or(path.len()))?;
    memchr_iter(b'%', before).find(|at| before.get(*at..).and_then(escaped) == Some(wanted))
}

fn cut(path: &[u8], at: Option<usize>) -> Option<Cow<'_, [u8]>> {
    path.get(..at?).map(Cow::Borrowed)
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

fn cut_segments(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    memchr(b';', path)?;
    let mut cut = Vec::with_capacity(path.len());
    for (at, segment) in segments(path).enumerate() {
        if at > 0 {
            cut.push(b'/');
        }
        cut.extend_from_slice(segment.split(|byte| *byte == b';').next().unwrap_or_default());
    }
    Some(cut.into())
}

fn merge_slashes(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    memmem::find(path, b"//")?;
    let mut merged = path.to_vec();
    merged.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    Some(merged.into())
}

fn backslashes_as_slashes(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    memchr(b'\\', path)?;
    Some(path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect())
}

/// How many dots a dot segment consists of; 0 for every other segment.
fn dots(segment: &[u8]) -> usize {
    match segment {
        b"." => 1,
        b".." => 2,
        _ => 0,
    }
}

/// The same, where `%2e` is a dot, too.
fn dots_or_escapes(segment: &[u8]) -> usize {
    let mut rest = segment;
    let mut dots = 0;
    while dots < 3 && !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return 0,
        };
        dots += 1;
    }
    if dots < 3 { dots } else { 0 }
}

/// RFC 3986 section 5.2.4, for whatever `dots` takes for a dot segment.
fn resolve(path: &[u8], dots: fn(&[u8]) -> usize) -> Option<Cow<'_, [u8]>> {
    if !segments(path).any(|segment| dots(segment) > 0) {
        return None;
    }
    let mut resolved = Vec::with_capacity(path.len());
    let mut parts = segments(path);
    // What stands before the first slash: nothing, in a path that begins with one.
    resolved.extend(parts.next().filter(|first| dots(first) == 0).into_iter().flatten());
    let mut parts = parts.peekable();
    while let Some(segment) = parts.next() {
        match dots(segment) {
            0 => {
                resolved.push(b'/');
                resolved.extend_from_slice(segment);
                continue;
            }
            1 => {}
            _ => resolved.truncate(memrchr(b'/', &resolved).unwrap_or(0)),
        }
        if parts.peek().is_none() {
            resolved.push(b'/');
        }
    }
    Some(resolved.into())
}
