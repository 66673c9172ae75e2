//! The memory that the process may have: the limit of its control group.

use std::fs;
use std::path::{Path, PathBuf};

/// The limit in bytes; none where there is none, or where it cannot be read.
pub(super) fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let files = files(&groups, Path::new("/sys/fs/cgroup"));
    files.iter().filter_map(|file| parse(&fs::read_to_string(file).ok()?)).min()
}

/// Where the limits of these groups (`/proc/self/cgroup`) stand, those of their parents included: all of them count.
/// In a container the root is its own group.
fn files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            // cgroup v2.
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let group = Path::new(group.trim_start_matches('/'));
        // Above a container's own root the kernel shows `..`.
        if group.components().any(|part| matches!(part, std::path::Component::ParentDir)) {
            files.push(root.join(file));
            continue;
        }
        files.extend(group.ancestors().map(|group| root.join(group).join(file)));
    }
    files
}

/// A number of bytes; `max`, and what no machine has (v1's way to say it), are no limit.
fn parse(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 60)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{files, parse};

    #[test]
    fn the_limits_of_a_group_and_its_parents_are_found() {
        let root = Path::new("/r");
        for (groups, expected) in [
            ("0::/\n", &["/r/memory.max"][..]),
            ("0::/pods/a\n", &["/r/pods/a/memory.max", "/r/pods/memory.max", "/r/memory.max"]),
            ("0::/../../else\n", &["/r/memory.max"]),
            (
                "9:name=systemd:/\n4:memory:/x\n",
                &["/r/memory/x/memory.limit_in_bytes", "/r/memory/memory.limit_in_bytes"],
            ),
            ("4:cpu,memory:/\n", &["/r/memory/memory.limit_in_bytes"]),
            ("3:cpuset:/\nbroken\n\n", &[]),
        ] {
            let expected: Vec<_> = expected.iter().map(|file| Path::new(file).to_owned()).collect();
            assert_eq!(files(groups, root), expected, "{groups}");
        }
    }

    #[test]
    fn no_limit_is_told_in_two_ways() {
        assert_eq!(parse("805306368\n"), Some(768 << 20));
        assert_eq!(parse("max\n"), None);
        assert_eq!(parse("9223372036854771712\n"), None);
        assert_eq!(parse(""), None);
    }
}
