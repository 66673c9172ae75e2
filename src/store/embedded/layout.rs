//! How entries lie in the database: a table for each kind, and one for what concerns the whole.

use redb::TableDefinition;

use crate::ports::store::{Entry, Kind};

/// What this version writes, and the only format it reads.
pub(super) const FORMAT: u64 = 1;

/// A table of rows by their names.
pub(super) type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// What concerns the whole store.
pub(super) const WHOLE: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("whole");

/// In [`WHOLE`]: the format, as 8 bytes.
pub(super) const FORMAT_ROW: &str = "format";

/// In [`WHOLE`]: the newest version that an entry has got, as 8 bytes.
pub(super) const VERSION_ROW: &str = "version";

/// In [`WHOLE`]: what the key of a sealed store opens.
pub(super) const SEAL_ROW: &str = "seal";

/// A row that is not as it was written.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a row of the store is damaged")]
pub(super) struct Damaged;

/// The table of a kind.
pub(super) const fn rows(kind: Kind) -> Rows {
    TableDefinition::new(match kind {
        Kind::Mount => "mount",
        Kind::Config => "config",
        Kind::Role => "role",
        Kind::Policy => "policy",
        Kind::Token => "token",
        Kind::Accessor => "accessor",
        Kind::Child => "child",
        Kind::Expiry => "expiry",
        Kind::Entity => "entity",
        Kind::Alias => "alias",
        Kind::Wrapped => "wrapped",
        Kind::KeyRing => "key_ring",
        Kind::Server => "server",
    })
}

/// What stands for a kind in seals and copies, from 1 on; never another once it has been given.
pub(super) const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Mount => 1,
        Kind::Config => 2,
        Kind::Role => 3,
        Kind::Policy => 4,
        Kind::Token => 5,
        Kind::Accessor => 6,
        Kind::Child => 7,
        Kind::Expiry => 8,
        Kind::Entity => 9,
        Kind::Alias => 10,
        Kind::Wrapped => 11,
        Kind::KeyRing => 12,
        Kind::Server => 13,
    }
}

/// The row of an entry: its version and its value.
pub(super) fn row(version: u64, value: &[u8]) -> Vec<u8> {
    [&version.to_be_bytes(), value].concat()
}

/// The entry of a row.
pub(super) fn entry(row: &[u8]) -> Result<Entry, Damaged> {
    let (version, value) = row.split_first_chunk().ok_or(Damaged)?;
    Ok(Entry { version: u64::from_be_bytes(*version), value: value.into() })
}

/// The version of a row, or the number that a row of [`WHOLE`] holds.
pub(super) fn number(row: &[u8]) -> Result<u64, Damaged> {
    row.first_chunk().copied().map(u64::from_be_bytes).ok_or(Damaged)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use redb::TableHandle;

    use super::{code, entry, number, row, rows};
    use crate::ports::store::Kind;

    #[test]
    fn every_kind_has_a_table_and_a_code_of_its_own() {
        let tables: BTreeSet<_> = Kind::ALL.map(|kind| rows(kind).name().to_owned()).into();
        let codes: BTreeSet<_> = Kind::ALL.map(code).into();
        assert_eq!((tables.len(), codes.len()), (Kind::ALL.len(), Kind::ALL.len()));
        assert!(!codes.contains(&0));
    }

    #[test]
    fn a_row_reads_as_it_was_written_or_is_damaged() {
        let read = entry(&row(7, b"value")).unwrap();
        assert_eq!((read.version, &*read.value), (7, b"value".as_slice()));
        assert_eq!(number(&row(7, b"")).unwrap(), 7);
        assert!(entry(b"seven..").is_err() && number(b"").is_err());
    }
}
