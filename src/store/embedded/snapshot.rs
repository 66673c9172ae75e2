//! The store as it was after some commit; readers share it and never wait for the writer.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
};

use super::layout::{self, WHOLE};
use super::trouble::Trouble;
use crate::ports::store::{Entry, Key, Kind, Listed, Page};

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// All entries at one moment.
pub(super) struct Snapshot {
    // In the order in which they must go: the database last, which ends when nobody reads it.
    tables: BTreeMap<Kind, OnceLock<Table>>,
    transaction: ReadTransaction,
    _database: Arc<Database>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Snapshot {
    /// What the database holds now.
    pub(super) fn of(database: &Arc<Database>) -> Result<Self, Trouble> {
        let tables = Kind::ALL.into_iter().map(|kind| (kind, OnceLock::new())).collect();
        Ok(Self { tables, transaction: database.begin_read()?, _database: Arc::clone(database) })
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Entry>, Trouble> {
        let Some(table) = self.table(key.kind)? else { return Ok(None) };
        table.get(&*key.name)?.map(|row| Ok(layout::entry(row.value())?)).transpose()
    }

    pub(super) fn list(&self, page: Page<'_>) -> Result<Listed, Trouble> {
        let Some(table) = self.table(page.kind)? else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for row in table.range::<&[u8]>((page.start(), Bound::Unbounded))?.take(page.limit) {
            let (name, row) = row?;
            if !name.value().starts_with(page.prefix) {
                break;
            }
            listed.push((name.value().into(), layout::entry(row.value())?));
        }
        Ok(listed)
    }

    pub(super) fn count(&self, kind: Kind) -> Result<u64, Trouble> {
        Ok(self.table(kind)?.map_or(Ok(0), ReadableTableMetadata::len)?)
    }

    /// Calls `each` with every row of a kind, in the order of their names.
    pub(super) fn each<E: From<Trouble>>(
        &self,
        kind: Kind,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(table) = self.table(kind)? else { return Ok(()) };
        for row in table.iter().map_err(Trouble::from)? {
            let (name, row) = row.map_err(Trouble::from)?;
            each(name.value(), row.value())?;
        }
        Ok(())
    }

    /// A row of [`WHOLE`].
    pub(super) fn whole(&self, name: &str) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.transaction.open_table(WHOLE)?.get(name)?.map(|row| row.value().to_vec()))
    }

    /// A kind's table, opened once for all readers.
    fn table(&self, kind: Kind) -> Result<Option<&Table>, Trouble> {
        let Some(cell) = self.tables.get(&kind) else { return Ok(None) };
        if let Some(table) = cell.get() {
            return Ok(Some(table));
        }
        let table = self.transaction.open_table(layout::rows(kind))?;
        Ok(Some(cell.get_or_init(|| table)))
    }
}
