//! The socket that a core connects to: a file for one owner, gone when the plugin ends.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Where the names of groups are.
const GROUPS: &str = "/etc/group";

/// A socket that listens. Its file is removed on drop.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The operating system gives no name.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// It cannot be made there.
    #[error("cannot listen on `{path}`")]
    Listen {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It cannot be given to those who shall connect.
    #[error("cannot let group `{group}` connect to the socket")]
    Group {
        /// As the core names it.
        group: String,
        /// What the operating system says.
        source: io::Error,
    },
}

impl Socket {
    /// Listens on a new file in this directory. Its owner alone may connect, and the group, if there is one. Must run
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// Where the file cannot be made, or the group is unknown or not ours to give.
    pub fn listen(directory: &Path, group: Option<&str>) -> Result<Self, SocketError> {
        let path =
            directory.join(format!("rolegate-{:016x}", getrandom::u64().map_err(SocketError::Random)?));
        let failed = |source| SocketError::Listen { path: path.clone(), source };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // From here on the file goes when this fails.
        let socket = Self { listener, path: path.clone() };
        let mode = if group.is_some() { 0o660 } else { 0o600 };
        if let Some(group) = group {
            let given = group_id(group).and_then(|id| chown(&path, None, Some(id)));
            given.map_err(|source| SocketError::Group { group: group.to_owned(), source })?;
        }
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
        Ok(socket)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Where it is gone already, that is what was wanted.
        let _removed = std::fs::remove_file(&self.path);
    }
}

/// A group's number; a name is looked up among the system's own groups.
fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let groups = std::fs::read_to_string(GROUPS)?;
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such group"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_and_gone_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let socket = Socket::listen(directory.path(), None).unwrap();
        let path = socket.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_group_that_is_ours_may_connect_by_number_and_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(directory.path()).unwrap().gid();
        let groups = std::fs::read_to_string(GROUPS).unwrap();
        let name = groups.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields[2] == own.to_string()).then(|| fields[0].to_owned())
        });
        for group in [Some(own.to_string()), name].into_iter().flatten() {
            let socket = Socket::listen(directory.path(), Some(&group)).unwrap();
            let file = std::fs::metadata(socket.path()).unwrap();
            assert_eq!((file.gid(), file.mode() & 0o777), (own, 0o660), "{group}");
        }
    }

    #[tokio::test]
    async fn an_unknown_group_is_told_and_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let refused = Socket::listen(directory.path(), Some("no such group")).unwrap_err();
        assert!(matches!(refused, SocketError::Group { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
