//! Request paths, and whether it matters how the parts of a system read one.
//!
//! Proxies, frameworks and file servers read the same bytes differently. A *reading* of a path is what any composition
//! of these steps, in any order, makes of it:
//!
//! * percent-decoding (RFC 3986 section 2.1), at most twice; what is no escape stays as it is;
//! * dot segments resolved (RFC 3986 section 5.2.4), where `%2e` is a dot, too (URL Standard), or not;
//! * slashes merged;
//! * backslashes as slashes;
//! * each segment cut at its first `;`;
//! * the path cut at its first `;`;
//! * the path cut at its first NUL, its first `?` or its first `#`, where the escape counts as well, or not.
//!
//! All of it is about bytes, without case folding and UTF-8. A path that begins with `/` has only readings that do.

mod prefix;
mod readings;
mod step;

pub use prefix::is_below;
use readings::Readings;

/// What all readings of a path lead to; `None` where two of them differ, or where there are too many to look at all.
///
/// A plain path costs one call and no allocation. Any other costs at most time and memory in proportion to its length
/// plus a constant; the paths of clients need less than half of that.
pub fn agreed<T: PartialEq>(path: &[u8], mut leads_to: impl FnMut(&[u8]) -> T) -> Option<T> {
    let outcome = leads_to(path);
    if !is_plain(path) {
        Readings::new(path).all(|reading| leads_to(reading) == outcome)?;
    }
    Some(outcome)
}

/// Whether no step finds anything to change, so that the path has one reading, itself.
pub fn is_plain(path: &[u8]) -> bool {
    let mut after_slash = false;
    let plain = path.iter().all(|byte| {
        let slash = *byte == b'/';
        let merged = slash && after_slash;
        after_slash = slash;
        !merged && !matches!(byte, b'%' | b';' | b'\\' | b'?' | b'#' | b'\0')
    });
    plain && !path.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b".."))
}

/// Whether the text holds an escape.
pub fn is_escaped(text: &[u8]) -> bool {
    step::decode(text).is_some()
}

/// The text with each escape replaced by its byte, once.
pub fn decoded(text: &[u8]) -> Vec<u8> {
    step::decode(text).map_or_else(|| text.to_vec(), Into::into)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
