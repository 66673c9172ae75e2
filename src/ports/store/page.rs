//! Which entries of a store are listed.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Entry, Kind};

/// What is asked of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What the entries are.
    pub kind: Kind,
    /// How their names begin.
    pub prefix: &'a [u8],
    /// The name after which the page begins, if it is not the first one.
    pub after: Option<&'a [u8]>,
    /// How many there are at most.
    pub limit: usize,
}

/// The names and the values of a page.
pub type Listed = Vec<(Box<[u8]>, Entry)>;

impl<'a> Page<'a> {
    /// The first `limit` entries of a kind.
    pub const fn of(kind: Kind, limit: usize) -> Self {
        Self { kind, prefix: b"", after: None, limit }
    }

    /// Those of them whose names begin so.
    pub const fn under(self, prefix: &'a [u8]) -> Self {
        Self { prefix, ..self }
    }

    /// Those of them after this name.
    pub const fn after(self, after: Option<&'a [u8]>) -> Self {
        Self { after, ..self }
    }

    /// Where the first name is looked for.
    pub fn start(&self) -> Bound<&'a [u8]> {
        match self.after {
            Some(after) if after >= self.prefix => Bound::Excluded(after),
            _ => Bound::Included(self.prefix),
        }
    }

    /// The page of the entries of its kind, where those are in memory.
    pub fn of_map<'m, V>(
        self,
        entries: &'m BTreeMap<Box<[u8]>, V>,
    ) -> impl Iterator<Item = (&'m Box<[u8]>, &'m V)> + use<'a, 'm, V> {
        entries
            .range::<[u8], _>((self.start(), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(self.prefix))
            .take(self.limit)
    }
}
