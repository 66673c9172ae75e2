//! `name=value`, as cookies and queries hold it.

/// The value of a pair of that name, blanks around name and value left out; empty for a name that stands alone.
pub(super) fn value<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (found, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (pair.get(..at)?, pair.get(at.saturating_add(1)..)?),
        None => (pair, &[][..]),
    };
    (found.trim_ascii() == name.as_bytes()).then(|| value.trim_ascii())
}
