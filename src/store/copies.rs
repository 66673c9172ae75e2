//! Copies of an embedded store, each a new file in the folder `backups` of its directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::embedded::{Copied, EmbeddedStore};
use crate::ports::copies::{Copies, Copy};
use crate::ports::store::{StoreError, Stored};

/// The folder in the store's directory.
const FOLDER: &str = "backups";

/// Makes copies of one store.
#[derive(Debug)]
pub struct EmbeddedCopies {
    store: EmbeddedStore,
    folder: PathBuf,
}

impl EmbeddedCopies {
    /// Copies of the store in this directory.
    pub fn new(store: EmbeddedStore, directory: &Path) -> Self {
        Self { store, folder: directory.join(FOLDER) }
    }
}

impl Copies for EmbeddedCopies {
    fn copy<'a>(&'a self, name: &'a str) -> Stored<'a, Copy> {
        let (store, folder, path) = (self.store.clone(), self.folder.clone(), self.folder.join(name));
        Box::pin(async move {
            // In a task of its own: a copy that was begun ends, or is taken away again.
            let copied = tokio::task::spawn_blocking(move || {
                write(&store, &folder, &path).map(|copied| (path.display().to_string(), copied))
            });
            let (file, Copied { entries, bytes }) =
                copied.await.map_err(|error| StoreError::Failed(error.into()))??;
            Ok(Copy { file, entries, bytes })
        })
    }
}

fn write(store: &EmbeddedStore, folder: &Path, path: &Path) -> Result<Copied, StoreError> {
    let failed = |error: std::io::Error| StoreError::Failed(error.into());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let new = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    // The name is taken first, so that two who want it do not meet at the end.
    match new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(StoreError::Conflict),
        other => drop(other.map_err(failed)?),
    }
    let written = (|| {
        let file = new(&unfinished).map_err(failed)?;
        let mut buffered = BufWriter::new(file);
        let copied = store.backup(&mut buffered).map_err(|error| StoreError::Failed(error.into()))?;
        let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&unfinished, path).map_err(failed)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(copied)
    })();
    if written.is_err() {
        // What cannot be taken away either is told by the error that brought us here.
        let _gone = (std::fs::remove_file(&unfinished), std::fs::remove_file(path));
    }
    written
}
