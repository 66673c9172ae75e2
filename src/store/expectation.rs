//! What every store of entries reads the same way: what a change expects.

use crate::ports::store::Expect;

/// Whether what is expected of an entry is so; `version` is that of the entry, if it is there.
pub(super) fn holds(expect: Expect, version: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => version.is_none(),
        Expect::Version(expected) => version == Some(expected),
    }
}
