//! What every store of entries reads the same way: what a change expects, and where a list begins.

use std::ops::Bound;

use crate::ports::store::Expect;

/// Whether what is expected of an entry is so; `version` is that of the entry, if it is there.
pub(super) fn holds(expect: Expect, version: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => version.is_none(),
        Expect::Version(expected) => version == Some(expected),
    }
}

/// Where a list begins.
pub(super) fn start<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> Bound<&'a [u8]> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}
