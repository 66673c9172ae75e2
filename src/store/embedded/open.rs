//! Opens the store: takes hold of the directory, checks the format and the key, starts the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use redb::ReadableTable;
use tokio::sync::mpsc;

use super::disk::Medium;
use super::layout::{self, FORMAT, FORMAT_ROW, SEAL_ROW, VERSION_ROW, WHOLE};
use super::place::{NoPlace, Place};
use super::seal::{Seal, SealError};
use super::snapshot::Snapshot;
use super::trouble::Trouble;
use super::writer::{Base, Writer};
use super::{EmbeddedStore, Inner, QUEUE};
use crate::core::store_key::StoreKey;
use crate::health::Health;
use crate::ports::Random;
use crate::ports::store::Kind;

/// How a store is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The memory that the database may keep of its file.
    pub cache_bytes: usize,
    /// What seals secrets; none: they are not sealed.
    pub key: Option<StoreKey>,
    /// Where the randomness of seals comes from.
    pub random: Arc<dyn Random>,
    /// Where it says that the disk takes no writes.
    pub health: Health,
}

impl Options {
    /// A cache of 64 MiB and no key.
    pub fn new(random: Arc<dyn Random>, health: Health) -> Self {
        Self { cache_bytes: 64 << 20, key: None, random, health }
    }
}

/// Why a store cannot be opened; every text names its directory.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum OpenError {
    #[error("the store in `{}` is held by another process", .0.display())]
    Held(PathBuf),
    #[error("the store in `{}` cannot be opened", .0.display())]
    Io(PathBuf, #[source] io::Error),
    #[error("the store in `{}` cannot be read", .0.display())]
    Damaged(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the store in `{}` has format {found}, this version reads format {FORMAT}", directory.display())]
    Format { directory: PathBuf, found: u64 },
    #[error("the store in `{}` is sealed, expected its key in `store.key_file` or `ROLEGATE_STORE_KEY`", .0.display())]
    KeyMissing(PathBuf),
    #[error("the store in `{}` is sealed with another key", .0.display())]
    KeyWrong(PathBuf),
}

/// Why what is on the medium does not do.
pub(super) enum Unfit {
    Trouble(Trouble),
    Format(u64),
    KeyMissing,
    KeyWrong,
}

impl<E: Into<Trouble>> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self::Trouble(error.into())
    }
}

impl Unfit {
    pub(super) fn at(self, directory: &Path) -> OpenError {
        let directory = directory.to_owned();
        match self {
            Self::Trouble(trouble) => OpenError::Damaged(directory, Box::new(trouble)),
            Self::Format(found) => OpenError::Format { directory, found },
            Self::KeyMissing => OpenError::KeyMissing(directory),
            Self::KeyWrong => OpenError::KeyWrong(directory),
        }
    }
}

impl EmbeddedStore {
    /// Opens the store in a directory, and makes both where they are not there. Waits for the disk.
    ///
    /// A key that is given for the first time seals what is there.
    ///
    /// # Errors
    /// Where another process holds it, the key is not its own, or the disk does not do its part.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io(directory.to_owned(), error);
        let place = Place::hold(directory).map_err(|why| match why {
            NoPlace::Held | NoPlace::Occupied => OpenError::Held(directory.to_owned()),
            NoPlace::Io(error) => failed(error),
        })?;
        if !place.is_filled().map_err(failed)? {
            // A process that is killed meanwhile leaves no database that nobody can read.
            let empty: Arc<dyn Medium> = Arc::new(place.unfinished().map_err(failed)?);
            Base::open(&empty, options.cache_bytes).map_err(|trouble| Unfit::from(trouble).at(directory))?;
            place.finish().map_err(failed)?;
        }
        let medium = place.database().map_err(failed)?;
        Self::on(Arc::new(medium), options).map_err(|unfit| unfit.at(directory))
    }

    /// Opens the store on a medium.
    pub(super) fn on(medium: Arc<dyn Medium>, options: Options) -> Result<Self, Unfit> {
        let Options { cache_bytes, key, random, health } = options;
        let seal = key.map(|key| Arc::new(Seal::new(&key, random)));
        let base = Base::open(&medium, cache_bytes)?;
        let version = prepare(&base, seal.as_deref())?;
        let published = Arc::new(ArcSwap::from_pointee(Snapshot::of(&base.database)?));
        let (queue, commits) = mpsc::channel(QUEUE);
        let writer = Writer {
            base: Some(base),
            medium,
            cache_bytes,
            version,
            published: Arc::clone(&published),
            health,
        };
        let writer = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(commits));
        let writer = writer.map_err(|error| Trouble::Disk(Arc::new(error)))?;
        Ok(Self(Arc::new(Inner { published, queue: Some(queue), writer: Some(writer), seal })))
    }
}

/// Makes the tables that are not there, and checks what is; the newest version.
fn prepare(base: &Base, seal: Option<&Seal>) -> Result<u64, Unfit> {
    let transaction = base.begin()?;
    let version = {
        let mut whole = transaction.open_table(WHOLE)?;
        let number = |name| -> Result<Option<u64>, Trouble> {
            Ok(whole.get(name)?.map(|row| layout::number(row.value())).transpose()?)
        };
        let (format, version) = (number(FORMAT_ROW)?.unwrap_or(FORMAT), number(VERSION_ROW)?.unwrap_or(0));
        if format != FORMAT {
            return Err(Unfit::Format(format));
        }
        let check = whole.get(SEAL_ROW)?.map(|row| row.value().to_vec());
        match (seal, check) {
            (None, None) => {}
            (None, Some(_)) => return Err(Unfit::KeyMissing),
            (Some(seal), Some(check)) => match seal.open(CHECK, &[], &check) {
                Err(SealError::Broken) => return Err(Unfit::KeyWrong),
                opened => drop(opened.map_err(Trouble::from)?),
            },
            (Some(seal), None) => {
                seal_all(&transaction, seal)?;
                let check = seal.close(CHECK, &[], &[]).map_err(Trouble::from)?;
                whole.insert(SEAL_ROW, check.as_slice())?;
            }
        }
        whole.insert(FORMAT_ROW, FORMAT.to_be_bytes().as_slice())?;
        version
    };
    for kind in Kind::ALL {
        transaction.open_table(layout::rows(kind))?;
    }
    base.commit(transaction)?;
    Ok(version)
}

/// The code of the value that tells whether a key is the store's.
const CHECK: u8 = 0;

/// Seals every secret that is not.
fn seal_all(transaction: &redb::WriteTransaction, seal: &Seal) -> Result<(), Trouble> {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_secret()) {
        let mut table = transaction.open_table(layout::rows(kind))?;
        let mut sealed = Vec::new();
        for row in table.iter()? {
            let (name, row) = row?;
            let entry = layout::entry(row.value())?;
            let value = seal.close(layout::code(kind), name.value(), &entry.value)?;
            sealed.push((name.value().to_vec(), layout::row(entry.version, &value)));
        }
        for (name, row) in sealed {
            table.insert(name.as_slice(), row.as_slice())?;
        }
    }
    Ok(())
}
