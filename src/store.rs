//! Where mounts and roles come from; all of them publish whole snapshots.
