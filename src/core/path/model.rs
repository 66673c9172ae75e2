//! The readings of a path, slow and obvious: every text that any order of steps leads to, without a bound.

use std::collections::BTreeSet;

/// A text, and how often it was decoded.
type State = (Vec<u8>, usize);

/// All readings, the path itself among them.
pub(super) fn readings(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::from([(path.to_vec(), 0)]);
    let mut todo: Vec<State> = found.iter().cloned().collect();
    while let Some(state) = todo.pop() {
        for next in steps(&state) {
            if found.insert(next.clone()) {
                todo.push(next);
            }
        }
    }
    found.into_iter().map(|(text, _)| text).collect()
}

fn steps((text, decodings): &State) -> Vec<State> {
    let mut next = vec![
        resolved(text, <[u8]>::to_vec),
        resolved(text, with_dots),
        joined(text, |at, segment| at == 0 || !segment.is_empty(), |segment| segment),
        text.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect(),
        joined(text, |_, _| true, |segment| until(segment, |rest| rest[0] == b';')),
        until(text, |rest| rest[0] == b';').to_vec(),
    ];
    for byte in [0, b'?', b'#'] {
        next.push(until(text, |rest| rest[0] == byte).to_vec());
        next.push(until(text, |rest| rest[0] == byte || escape(rest) == Some(byte)).to_vec());
    }
    let mut next: Vec<State> = next.into_iter().map(|text| (text, *decodings)).collect();
    if *decodings < 2 {
        next.push((decoded(text, |_| true), decodings + 1));
    }
    next
}

/// What an escape at the beginning means.
fn escape(rest: &[u8]) -> Option<u8> {
    let digits = rest.get(..3)?.strip_prefix(b"%")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

/// With the escapes of these bytes replaced.
pub(super) fn decoded(text: &[u8], of: impl Fn(u8) -> bool) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        match escape(&text[at..]).filter(|byte| of(*byte)) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

fn with_dots(segment: &[u8]) -> Vec<u8> {
    decoded(segment, |byte| byte == b'.')
}

fn until(text: &[u8], end: impl Fn(&[u8]) -> bool) -> &[u8] {
    let at = (0..text.len()).find(|at| end(&text[*at..]));
    &text[..at.unwrap_or(text.len())]
}

/// Segments that are kept, changed and put together again. The last one is always kept, so that a slash at the end stays.
fn joined<'a>(
    text: &'a [u8],
    keep: impl Fn(usize, &[u8]) -> bool,
    change: impl Fn(&'a [u8]) -> &'a [u8],
) -> Vec<u8> {
    let segments: Vec<&[u8]> = text.split(|byte| *byte == b'/').collect();
    let last = segments.len() - 1;
    let kept = segments.into_iter().enumerate().filter(|(at, segment)| *at == last || keep(*at, segment));
    kept.map(|(_, segment)| change(segment)).collect::<Vec<_>>().join(&b'/')
}

/// As RFC 3986 section 5.2.4 has it, letter by letter: an input that gets shorter, an output that gets longer.
fn resolved(text: &[u8], seen_as: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let seen: Vec<Vec<u8>> = text.split(|byte| *byte == b'/').map(&seen_as).collect();
    let is_dot = |segment: &[u8]| matches!(&*seen_as(segment), b"." | b"..");
    if !seen.iter().any(|segment| matches!(&segment[..], b"." | b"..")) {
        return text.to_vec();
    }
    let (mut input, mut output) = (text.to_vec(), Vec::new());
    while !input.is_empty() {
        let slash = input.starts_with(b"/");
        let end = (usize::from(slash)..input.len()).find(|at| input[*at] == b'/').unwrap_or(input.len());
        let segment = input[usize::from(slash)..end].to_vec();
        let rest = input[end..].to_vec();
        if !is_dot(&segment) {
            output.extend_from_slice(&input[..end]);
            input = rest;
        } else if !slash {
            // "../" and "./" go with their slash, which ours keeps: what follows is a path from the root in either.
            input = rest;
        } else {
            if &*seen_as(&segment) == b".." {
                let at = output.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                output.truncate(at);
            }
            input = if rest.is_empty() { b"/".to_vec() } else { rest };
        }
    }
    output
}

/// By segments, where an escape of what cannot be sent raw is what it means.
pub(super) fn is_below(reading: &[u8], prefix: &str) -> bool {
    const RAW: &[u8] = b"/:@-._~!$&'()*+,;=";
    let reading = decoded(reading, |byte| !byte.is_ascii_alphanumeric() && !RAW.contains(&byte));
    let Some(reading) = reading.strip_prefix(b"/") else { return false };
    let mut reading = reading.split(|byte| *byte == b'/');
    prefix
        .trim_matches('/')
        .split('/')
        .filter(|segment| !segment.is_empty())
        .all(|segment| reading.next() == Some(segment.as_bytes()))
}
