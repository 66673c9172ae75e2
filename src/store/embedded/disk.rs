//! What the database reads and writes. A failed write ends the writing and not the reading.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use redb::StorageBackend;

/// What bytes lie on.
pub(super) trait Medium: std::fmt::Debug + Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

impl Medium for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A medium as one open database sees it. Cheap to clone.
///
/// The database would refuse reads as well once a write has failed. So it is not told: from the first failure on what
/// it writes is kept aside, and whoever has it write looks at [`Disk::failure`] before believing it.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    medium: Arc<dyn Medium>,
    aside: Arc<OnceLock<Mutex<Aside>>>,
}

/// What did not get to the medium.
#[derive(Debug)]
struct Aside {
    cause: Arc<io::Error>,
    length: u64,
    /// In the order in which it was written, the newest last.
    written: Vec<(u64, Vec<u8>)>,
}

impl Disk {
    pub(super) fn new(medium: Arc<dyn Medium>) -> Self {
        Self { medium, aside: Arc::default() }
    }

    /// Why nothing is written any more.
    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        self.aside().map(|aside| Arc::clone(&aside.cause))
    }

    /// Ends the writing, before another database takes the medium over.
    pub(super) fn retire(&self) {
        let length = self.medium.len().unwrap_or(0);
        drop(self.fail(io::Error::other("the database has been opened anew"), length));
    }

    fn aside(&self) -> Option<MutexGuard<'_, Aside>> {
        Some(self.aside.get()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fail(&self, cause: io::Error, length: u64) -> MutexGuard<'_, Aside> {
        let aside = self
            .aside
            .get_or_init(|| Mutex::new(Aside { cause: Arc::new(cause), length, written: Vec::new() }));
        aside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.aside().map_or_else(|| self.medium.len(), |aside| Ok(aside.length))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.aside() {
            None => self.medium.read(offset, out),
            Some(aside) => aside.read(&*self.medium, offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if let Some(mut aside) = self.aside() {
            aside.length = len;
        } else if let Err(cause) = self.medium.set_len(len) {
            drop(self.fail(cause, len));
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.aside().is_none()
            && let Err(cause) = self.medium.sync()
        {
            drop(self.fail(cause, self.medium.len()?));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut aside = match self.aside() {
            Some(aside) => aside,
            None => match self.medium.write(offset, data) {
                Ok(()) => return Ok(()),
                Err(cause) => self.fail(cause, self.medium.len()?),
            },
        };
        aside.written.push((offset, data.to_vec()));
        Ok(())
    }
}

impl Aside {
    /// Reads the medium, zeros beyond its end, and over them what was written since.
    fn read(&self, medium: &dyn Medium, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(medium.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (there, beyond) = out.split_at_mut(there.min(out.len()));
        medium.read(offset, there)?;
        beyond.fill(0);
        for (start, data) in &self.written {
            let (skip, pass) = (offset.saturating_sub(*start), start.saturating_sub(offset));
            let from = data.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
            let to = out.iter_mut().skip(usize::try_from(pass).unwrap_or(usize::MAX));
            to.zip(from).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}
