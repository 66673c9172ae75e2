//! The store's file and those that its `…_file` keys name, read with bounds.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The largest store file that is read, in bytes.
const MAX_STORE: u64 = 256 * 1024 * 1024;

/// The largest file that one key may name, in bytes.
const MAX_REFERENCE: u64 = 1024 * 1024;

/// Reads files and remembers which.
#[derive(Debug)]
pub(super) struct Reader {
    file: PathBuf,
    references: Vec<PathBuf>,
}

/// Why a file gives no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("expected the path of a file")]
    NotAPath,
    #[error("expected a file that can be read, `{0}`: {1}")]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("expected a file that is not empty, `{0}`")]
    Empty(PathBuf),
    #[error("expected a file of at most {1} bytes, `{0}`")]
    TooLarge(PathBuf, u64),
}

impl Reader {
    pub(super) fn beside(file: &Path) -> Self {
        Self { file: file.to_owned(), references: Vec::new() }
    }

    pub(super) fn main(&self) -> Result<String, ReadError> {
        read(&self.file, MAX_STORE)
    }

    /// The text of the file that a value names; a relative path starts at the store file's directory.
    pub(super) fn reference(&mut self, value: &Value) -> Result<String, ReadError> {
        let name = value.as_str().filter(|name| !name.is_empty()).ok_or(ReadError::NotAPath)?;
        let path = self.file.parent().unwrap_or(Path::new("")).join(name);
        let text = read(&path, MAX_REFERENCE);
        self.references.push(path.clone());
        // An empty secret would mean: none.
        text.and_then(|text| if text.trim().is_empty() { Err(ReadError::Empty(path)) } else { Ok(text) })
    }

    pub(super) fn into_references(self) -> Vec<PathBuf> {
        self.references
    }
}

fn read(path: &Path, bound: u64) -> Result<String, ReadError> {
    let mut text = String::new();
    let bytes = File::open(path)
        .and_then(|file| file.take(bound.saturating_add(1)).read_to_string(&mut text))
        .map_err(|cause| ReadError::Unreadable(path.to_owned(), cause))?;
    if bytes as u64 > bound {
        return Err(ReadError::TooLarge(path.to_owned(), bound));
    }
    Ok(text)
}
