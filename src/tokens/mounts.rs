//! The mounts of the published snapshot. Before there is one, there are none, and no login's token is good.

use crate::catalog::Snapshots;
use crate::ports::mounts::MountsThere;

impl MountsThere for Snapshots {
    fn is_mounted(&self, path: &str, accessor: &str) -> bool {
        self.load().is_some_and(|snapshot| {
            snapshot.mount(path).is_some_and(|mount| *mount.about.accessor == *accessor)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MountsThere as _, Snapshots};
    use crate::core::mount::{Mount, MountAbout, Snapshot};

    #[test]
    fn a_mount_is_there_under_its_path_and_its_accessor_alone() {
        let snapshots = Snapshots::default();
        let mount = Mount::new("kubernetes", 1, MountAbout::new([7; 20]));
        let accessor = mount.about.accessor.to_string();
        assert!(!snapshots.is_mounted("kubernetes", &accessor), "nothing is published");
        let mounts = [("kubernetes".into(), Arc::new(mount))].into();
        snapshots.publish(Snapshot { mounts, ..Snapshot::default() });
        assert!(snapshots.is_mounted("kubernetes", &accessor));
        assert!(!snapshots.is_mounted("kubernetes", "auth_kubernetes_other"));
        assert!(!snapshots.is_mounted("other", &accessor));
    }
}
