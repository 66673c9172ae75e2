//! Backups: all entries of one moment in one stream, and a store made from it.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use redb::WriteTransaction;

use super::EmbeddedStore;
use super::disk::Medium;
use super::layout::{self, FORMAT, FORMAT_ROW, SEAL_ROW, VERSION_ROW, WHOLE};
use super::place::{NoPlace, Place};
use super::snapshot::Snapshot;
use super::trouble::Trouble;
use super::writer::Base;
use crate::ports::store::Kind;

/// What a copy begins with; the format of its entries follows as 8 bytes.
const MAGIC: &[u8; 16] = b"rolegate backup\n";

/// The codes of what is no entry: the end, and a row that concerns the whole store.
const END: u8 = 0;
const OF_THE_WHOLE: u8 = 255;

/// The longest name or value that a copy may hold.
const LONGEST: u32 = 1 << 30;

/// The cache of the database that a copy is put into.
const CACHE_BYTES: usize = 64 << 20;

/// What a backup or restore has copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many entries.
    pub entries: u64,
    /// How many bytes the copy has.
    pub bytes: u64,
}

/// Why there is no copy, or no store from it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum CopyError {
    #[error("the store cannot be read")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the copy cannot be written")]
    Write(#[source] io::Error),
    #[error("the copy cannot be read")]
    Read(#[source] io::Error),
    #[error("this is no copy of a store")]
    NoCopy,
    #[error("the copy has format {0}, this version reads format {FORMAT}")]
    Format(u64),
    #[error("the copy ends too early")]
    Truncated,
    #[error("the copy is damaged")]
    Damaged,
    #[error("`{}` is not empty, expected an empty directory or none", .0.display())]
    Occupied(PathBuf),
    #[error("the store in `{}` is held by another process", .0.display())]
    Held(PathBuf),
    #[error("the store in `{}` cannot be written", .0.display())]
    Directory(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Trouble> for CopyError {
    fn from(trouble: Trouble) -> Self {
        Self::Store(Box::new(trouble))
    }
}

impl EmbeddedStore {
    /// Writes all entries as they are at this moment, while others read and write. What is sealed stays so. The
    /// caller sees to it that what it gave is kept.
    ///
    /// # Errors
    /// Where the store cannot be read or the copy not be written.
    pub fn backup(&self, to: &mut dyn Write) -> Result<Copied, CopyError> {
        let snapshot = self.0.published.load_full();
        let mut copy = Outgoing { to, digest: Context::new(&SHA256), bytes: 0 };
        copy.put(MAGIC)?;
        copy.put(&FORMAT.to_be_bytes())?;
        let entries = rows(&snapshot, &mut copy)?;
        copy.put(&[END])?;
        let digest = copy.digest.clone().finish();
        copy.put(digest.as_ref())?;
        copy.to.flush().map_err(CopyError::Write)?;
        Ok(Copied { entries, bytes: copy.bytes })
    }
}

fn rows(snapshot: &Snapshot, copy: &mut Outgoing<'_>) -> Result<u64, CopyError> {
    for name in [VERSION_ROW, SEAL_ROW] {
        if let Some(row) = snapshot.whole(name)? {
            copy.row(OF_THE_WHOLE, name.as_bytes(), &row)?;
        }
    }
    let mut entries = 0;
    for kind in Kind::ALL {
        snapshot.each(kind, |name, row| {
            entries += 1;
            copy.row(layout::code(kind), name, row)
        })?;
    }
    Ok(entries)
}

/// A copy that is written.
struct Outgoing<'a> {
    to: &'a mut dyn Write,
    digest: Context,
    bytes: u64,
}

impl Outgoing<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        self.to.write_all(bytes).map_err(CopyError::Write)?;
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn row(&mut self, code: u8, name: &[u8], row: &[u8]) -> Result<(), CopyError> {
        let too_long = || CopyError::Write(io::ErrorKind::FileTooLarge.into());
        let length = |part: &[u8]| u32::try_from(part.len()).ok().filter(|length| *length <= LONGEST);
        self.put(&[code])?;
        self.put(&length(name).ok_or_else(too_long)?.to_be_bytes())?;
        self.put(&length(row).ok_or_else(too_long)?.to_be_bytes())?;
        self.put(name)?;
        self.put(row)
    }
}

/// Makes a store from a copy, in a directory that is empty or not there. Nothing is to be seen of it before all of
/// the copy has been read and found whole.
///
/// # Errors
/// Where the copy is not whole, or the directory is not empty.
pub fn restore(copy: &mut dyn Read, directory: &Path) -> Result<Copied, CopyError> {
    let refused = |why| match why {
        NoPlace::Held => CopyError::Held(directory.to_owned()),
        NoPlace::Occupied => CopyError::Occupied(directory.to_owned()),
        NoPlace::Io(error) => CopyError::Directory(directory.to_owned(), Box::new(error)),
    };
    let place = Place::hold_empty(directory).map_err(refused)?;
    let medium = place.unfinished().map_err(|error| refused(error.into()))?;
    let copied = fill(copy, Arc::new(medium)).map_err(|error| match error {
        CopyError::Store(cause) => CopyError::Directory(directory.to_owned(), cause),
        other => other,
    });
    match copied {
        Ok(copied) => place.finish().map(|()| copied).map_err(|error| refused(error.into())),
        Err(error) => {
            // The next attempt does it otherwise.
            let _ = place.give_up();
            Err(error)
        }
    }
}

fn fill(copy: &mut dyn Read, medium: Arc<dyn Medium>) -> Result<Copied, CopyError> {
    let mut copy = Incoming { from: copy, digest: Context::new(&SHA256), bytes: 0 };
    if copy.array::<16>().map_err(|_| CopyError::NoCopy)? != *MAGIC {
        return Err(CopyError::NoCopy);
    }
    let format = u64::from_be_bytes(copy.array()?);
    if format != FORMAT {
        return Err(CopyError::Format(format));
    }
    let base = Base::open(&medium, CACHE_BYTES)?;
    let transaction = base.begin()?;
    let entries = copy.rows(&transaction)?;
    base.commit(transaction)?;
    Ok(Copied { entries, bytes: copy.bytes })
}

/// A copy that is read.
struct Incoming<'a> {
    from: &'a mut dyn Read,
    digest: Context,
    bytes: u64,
}

impl Incoming<'_> {
    /// Puts all rows into the database, and checks the end.
    fn rows(&mut self, transaction: &WriteTransaction) -> Result<u64, CopyError> {
        let stored = |error: redb::StorageError| CopyError::from(Trouble::from(error));
        let opened = |error: redb::TableError| CopyError::from(Trouble::from(error));
        let mut whole = transaction.open_table(WHOLE).map_err(opened)?;
        whole.insert(FORMAT_ROW, FORMAT.to_be_bytes().as_slice()).map_err(stored)?;
        let (mut entries, mut open) = (0, None);
        loop {
            let [code] = self.array()?;
            if code == END {
                self.end()?;
                return Ok(entries);
            }
            let lengths = (u32::from_be_bytes(self.array()?), u32::from_be_bytes(self.array()?));
            let (name, row) = (self.bytes(lengths.0)?, self.bytes(lengths.1)?);
            if code == OF_THE_WHOLE {
                let name = str::from_utf8(&name).map_err(|_| CopyError::Damaged)?;
                whole.insert(name, row.as_slice()).map_err(stored)?;
            } else {
                let (_, mut table) = match open.take().filter(|(last, _)| *last == code) {
                    Some(same) => same,
                    None => {
                        let kind = Kind::ALL.into_iter().find(|kind| layout::code(*kind) == code);
                        let rows = layout::rows(kind.ok_or(CopyError::Damaged)?);
                        (code, transaction.open_table(rows).map_err(opened)?)
                    }
                };
                table.insert(name.as_slice(), row.as_slice()).map_err(stored)?;
                open = Some((code, table));
                entries += 1;
            }
        }
    }

    /// The digest, and nothing after it.
    fn end(&mut self) -> Result<(), CopyError> {
        let digest = self.digest.clone().finish();
        if self.array::<32>()?.as_slice() != digest.as_ref() {
            return Err(CopyError::Damaged);
        }
        match self.from.read(&mut [0]).map_err(CopyError::Read)? {
            0 => Ok(()),
            _ => Err(CopyError::Damaged),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CopyError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(unread)?;
        self.read(&bytes);
        Ok(bytes)
    }

    /// So many bytes; a length that is a lie costs no more memory than there are bytes.
    fn bytes(&mut self, length: u32) -> Result<Vec<u8>, CopyError> {
        if length > LONGEST {
            return Err(CopyError::Damaged);
        }
        let mut bytes = Vec::new();
        self.from.take(length.into()).read_to_end(&mut bytes).map_err(CopyError::Read)?;
        if bytes.len() as u64 != u64::from(length) {
            return Err(CopyError::Truncated);
        }
        self.read(&bytes);
        Ok(bytes)
    }

    fn read(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

fn unread(error: io::Error) -> CopyError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CopyError::Truncated,
        _ => CopyError::Read(error),
    }
}
