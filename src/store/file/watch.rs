//! Notices that files change: by events of their directories, and by comparing their stamps.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches the directories of a set of files, and those that the files' links lead to.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
    names: Arc<Mutex<BTreeSet<OsString>>>,
}

impl Watch {
    /// A watch over nothing yet, that tells `changed`. Without the system's help it never does.
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        let names: Arc<Mutex<BTreeSet<OsString>>> = Arc::default();
        let wanted = Arc::clone(&names);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let names = wanted.lock().unwrap_or_else(PoisonError::into_inner);
            // An error may stand for lost events.
            if event.map_or(true, |event| is_change(&event, &names)) {
                changed.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(|cause| tracing::warn!(%cause, "files are not watched, only looked at now and then"))
            .ok();
        Self { watcher, directories: BTreeSet::new(), names }
    }

    /// Watches these files from now on, and no others. A directory that has come back is watched again.
    pub(super) fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let places: Vec<PathBuf> =
            files.flat_map(|file| [Some(file.to_owned()), fs::canonicalize(file).ok()]).flatten().collect();
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) =
            places.iter().filter_map(|place| place.file_name()).map(ToOwned::to_owned).collect();
        let directories: BTreeSet<PathBuf> = places.iter().map(|place| directory(place)).collect();
        let Some(watcher) = &mut self.watcher else { return };
        for old in self.directories.difference(&directories) {
            // It may be gone already, and its watch with it.
            let _gone = watcher.unwatch(old);
        }
        for wanted in &directories {
            if let Err(cause) = watcher.watch(wanted, RecursiveMode::NonRecursive) {
                tracing::debug!(directory = %wanted.display(), %cause, "a directory is not watched");
            }
        }
        self.directories = directories;
    }
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether one of the names, or a `..data` link as Kubernetes has it, stands for something new. While a file is
/// being written nothing is new; what counts is that the writer closes it.
fn is_change(event: &Event, names: &BTreeSet<OsString>) -> bool {
    let kind = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Data(_)) => !cfg!(target_os = "linux"),
        _ => true,
    };
    let named = |path: &PathBuf| {
        path.file_name().is_none_or(|name| names.contains(name) || name.as_encoded_bytes().starts_with(b".."))
    };
    event.need_rescan() || (kind && (event.paths.is_empty() || event.paths.iter().any(named)))
}

/// What tells one state of a file from another: where it lies, how long it is, and when it was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Option<[i128; 5]>);

impl Stamp {
    /// Looks at the file that the path leads to.
    pub(super) fn of(path: &Path) -> Self {
        let stamp = |meta: fs::Metadata| {
            let time = |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
            [
                i128::from(meta.dev()),
                i128::from(meta.ino()),
                i128::from(meta.size()),
                time(meta.mtime(), meta.mtime_nsec()),
                time(meta.ctime(), meta.ctime_nsec()),
            ]
        };
        Self(fs::metadata(path).ok().map(stamp))
    }
}
