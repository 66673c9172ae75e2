//! The one writer: takes all commits that wait into one durable transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use arc_swap::ArcSwap;
use redb::{Database, ReadableTable, Table, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::disk::{Disk, Medium};
use super::layout::{self, VERSION_ROW, WHOLE};
use super::snapshot::Snapshot;
use super::trouble::Trouble;
use crate::errors::with_causes;
use crate::health::Health;
use crate::ports::store::{Change, Expect, Kind, StoreError};
use crate::store::expectation::holds;

/// How many commits one transaction takes at most.
const GROUP: usize = 256;

/// How many turns the writer gives way while it gathers a group.
const TURNS: u32 = 30;

/// The store as `/readyz` knows it.
const SUBJECT: &str = "store";

/// A commit that waits.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) changes: Vec<Change>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// A database on its disk.
#[derive(Debug)]
pub(super) struct Base {
    disk: Disk,
    pub(super) database: Arc<Database>,
}

impl Base {
    /// Opens the database, or makes one on an empty medium.
    pub(super) fn open(medium: &Arc<dyn Medium>, cache_bytes: usize) -> Result<Self, Trouble> {
        let disk = Disk::new(Arc::clone(medium));
        let database = Database::builder().set_cache_size(cache_bytes).create_with_backend(disk.clone())?;
        let base = Self { disk, database: Arc::new(database) };
        base.sound()?;
        Ok(base)
    }

    /// Starts a transaction whose commit keeps what makes the next start short.
    pub(super) fn begin(&self) -> Result<WriteTransaction, Trouble> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Makes it durable.
    pub(super) fn commit(&self, transaction: WriteTransaction) -> Result<(), Trouble> {
        transaction.commit()?;
        self.sound()
    }

    /// Ends its writing, so that another can take over its medium while its readers go on.
    fn retire(self) {
        self.disk.retire();
    }

    fn sound(&self) -> Result<(), Trouble> {
        self.disk.failure().map_or(Ok(()), |cause| Err(Trouble::Disk(cause)))
    }
}

/// What the writer's thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    /// None after a failure, until the medium takes writes again.
    pub(super) base: Option<Base>,
    pub(super) medium: Arc<dyn Medium>,
    pub(super) cache_bytes: usize,
    pub(super) version: u64,
    pub(super) published: Arc<ArcSwap<Snapshot>>,
    pub(super) health: Health,
}

impl Writer {
    /// Writes until nobody can send commits any more.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Commit>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut expected = 1;
        while let Some(first) = queue.blocking_recv() {
            group.push(first);
            gather(&mut queue, &mut group, expected);
            let outcome = self.write(&group);
            expected = group.len() + queue.len();
            self.tell(&outcome);
            let mut kept = outcome.as_deref().unwrap_or_default().iter();
            for commit in group.drain(..) {
                let answer = match (&outcome, kept.next()) {
                    (Err(trouble), _) => Err(trouble.clone().into()),
                    (Ok(_), Some(true)) => Ok(()),
                    (Ok(_), _) => Err(StoreError::Conflict),
                };
                // Whoever has stopped waiting does not ask.
                let _ = commit.done.send(answer);
            }
        }
    }

    /// Makes all commits of a group durable, but those that conflict, and publishes what comes of them. For each
    /// commit whether it was kept; after an error none is known to be.
    fn write(&mut self, group: &[Commit]) -> Result<Vec<bool>, Trouble> {
        let base = match self.base.take() {
            Some(base) => base,
            None => self.open_again()?,
        };
        match self.write_on(&base, group) {
            Ok(kept) => {
                self.base = Some(base);
                Ok(kept)
            }
            Err(trouble) => {
                base.retire();
                Err(trouble)
            }
        }
    }

    fn write_on(&mut self, base: &Base, group: &[Commit]) -> Result<Vec<bool>, Trouble> {
        let transaction = base.begin()?;
        let (kept, version) = Tables::new(&transaction).apply(group, self.version)?;
        if version == self.version {
            return Ok(kept);
        }
        base.commit(transaction)?;
        self.version = version;
        self.published.store(Arc::new(Snapshot::of(&base.database)?));
        Ok(kept)
    }

    /// Opens the database as it is on the medium and publishes it: a failed commit may have come to it or not.
    fn open_again(&mut self) -> Result<Base, Trouble> {
        let base = Base::open(&self.medium, self.cache_bytes)?;
        let snapshot = Snapshot::of(&base.database)?;
        self.version = snapshot.whole(VERSION_ROW)?.map_or(Ok(0), |row| layout::number(&row))?;
        self.published.store(Arc::new(snapshot));
        Ok(base)
    }

    fn tell<T>(&self, outcome: &Result<T, Trouble>) {
        match outcome {
            Ok(_) => {
                if self.health.recovered(SUBJECT) {
                    tracing::info!("the store takes writes again");
                }
            }
            Err(trouble) => {
                let sentence = format!("entries cannot be written: {}", with_causes(trouble));
                if self.health.trouble(SUBJECT, &sentence) {
                    tracing::error!("{sentence}");
                }
            }
        }
    }
}

/// Takes what waits into the group. Who has just been answered may be about to commit again: it gives way to them for
/// some turns, until as many are there as there were, for a transaction costs far more than a commit in it.
fn gather(queue: &mut mpsc::Receiver<Commit>, group: &mut Vec<Commit>, expected: usize) {
    for _ in 0..TURNS {
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        if group.len() >= expected.min(GROUP) {
            break;
        }
        std::thread::yield_now();
    }
}

/// The tables that a transaction has touched.
struct Tables<'a> {
    transaction: &'a WriteTransaction,
    open: BTreeMap<Kind, Table<'a, &'static [u8], &'static [u8]>>,
}

impl<'a> Tables<'a> {
    const fn new(transaction: &'a WriteTransaction) -> Self {
        Self { transaction, open: BTreeMap::new() }
    }

    fn of(&mut self, kind: Kind) -> Result<&mut Table<'a, &'static [u8], &'static [u8]>, Trouble> {
        Ok(match self.open.entry(kind) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => slot.insert(self.transaction.open_table(layout::rows(kind))?),
        })
    }

    /// Applies the commits one after the other; for each whether it was, and the newest version.
    fn apply(mut self, group: &[Commit], mut version: u64) -> Result<(Vec<bool>, u64), Trouble> {
        let before = version;
        let mut kept = Vec::with_capacity(group.len());
        for commit in group {
            let hold = self.hold(&commit.changes)?;
            if hold {
                version += 1;
                self.change(&commit.changes, version)?;
            }
            kept.push(hold);
        }
        if version != before {
            self.transaction.open_table(WHOLE)?.insert(VERSION_ROW, version.to_be_bytes().as_slice())?;
        }
        Ok((kept, version))
    }

    /// Whether all is as the changes expect.
    fn hold(&mut self, changes: &[Change]) -> Result<bool, Trouble> {
        for Change { key, expect, .. } in changes.iter().filter(|change| change.expect != Expect::Any) {
            let row = self.of(key.kind)?.get(&*key.name)?;
            let version = row.map(|row| layout::number(row.value())).transpose()?;
            if !holds(*expect, version) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn change(&mut self, changes: &[Change], version: u64) -> Result<(), Trouble> {
        for Change { key, value, .. } in changes {
            let table = self.of(key.kind)?;
            match value {
                Some(value) => table.insert(&*key.name, &*layout::row(version, value))?,
                None => table.remove(&*key.name)?,
            };
        }
        Ok(())
    }
}
