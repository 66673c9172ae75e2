//! Where the database lies: one directory of one process.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::disk::Medium;

/// The database.
const DATABASE: &str = "store.redb";

/// A database that is not whole yet.
const UNFINISHED: &str = "unfinished.redb";

/// Held by the process that has the store open.
const LOCK: &str = "lock";

/// Who may read and write the files, and the directory.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// A directory that this process holds.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    lock: File,
}

/// Why a directory cannot be had.
#[derive(Debug)]
pub(super) enum NoPlace {
    Held,
    Occupied,
    Io(io::Error),
}

impl From<io::Error> for NoPlace {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The database's file, with the hold on its directory for as long as anybody reads it.
#[derive(Debug)]
struct HeldFile {
    file: File,
    _lock: File,
}

impl Place {
    /// Takes hold of a directory, and makes it where there is none.
    pub(super) fn hold(directory: &Path) -> Result<Self, NoPlace> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        let lock = open(&directory.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(NoPlace::Held),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Whether a database is there.
    pub(super) fn is_filled(&self) -> io::Result<bool> {
        match fs::metadata(self.directory.join(DATABASE)) {
            Ok(database) => Ok(database.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The database's file.
    pub(super) fn database(self) -> io::Result<impl Medium> {
        let file = open(&self.directory.join(DATABASE))?;
        Ok(HeldFile { file, _lock: self.lock })
    }

    /// Takes hold of a directory where nothing lies that this process would not put there.
    pub(super) fn hold_empty(directory: &Path) -> Result<Self, NoPlace> {
        // Looked at before as well, so that nothing is left in a directory that is somebody else's.
        if directory.exists() {
            check_empty(directory)?;
        }
        let place = Self::hold(directory)?;
        check_empty(directory)?;
        Ok(place)
    }

    /// An empty file for a database that is to become this place's.
    pub(super) fn unfinished(&self) -> io::Result<impl Medium + use<>> {
        let file = open(&self.directory.join(UNFINISHED))?;
        file.set_len(0)?;
        Ok(file)
    }

    /// Makes the unfinished database this place's.
    pub(super) fn finish(&self) -> io::Result<()> {
        let unfinished = self.directory.join(UNFINISHED);
        File::open(&unfinished)?.sync_all()?;
        fs::rename(unfinished, self.directory.join(DATABASE))?;
        sync_directory(&self.directory)
    }

    /// Takes the unfinished database away.
    pub(super) fn give_up(&self) -> io::Result<()> {
        fs::remove_file(self.directory.join(UNFINISHED))
    }
}

fn check_empty(directory: &Path) -> Result<(), NoPlace> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if ![LOCK, UNFINISHED, "lost+found"].iter().any(|own| name == *own) {
            return Err(NoPlace::Occupied);
        }
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != FILE_MODE {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    Ok(file)
}

/// Makes the names in a directory as durable as the files.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

impl Medium for HeldFile {
    fn len(&self) -> io::Result<u64> {
        Medium::len(&self.file)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        Medium::read(&self.file, offset, out)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        Medium::write(&self.file, offset, data)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Medium::set_len(&self.file, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
