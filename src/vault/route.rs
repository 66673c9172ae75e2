//! Which backend a path belongs to, and what it takes to ask it.

use std::sync::Arc;

use super::sys::policies::stored_name;
use crate::core::mount::{Mount, Snapshot};

/// What a mount is tuned at, below it.
const TUNE: &str = "/tune";

/// A path's backend, and the rest of the path below it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route<'a> {
    /// A Kubernetes mount.
    Kubernetes(&'a Arc<Mount>, &'a str),
    /// `auth/token/`
    Token(&'a str),
    /// `sys/`
    Sys(&'a str),
    /// `identity/`
    Identity(&'a str),
}

impl<'a> Route<'a> {
    /// The backend of a path; none where no mount has it.
    pub(super) fn find(snapshot: &'a Snapshot, path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("sys/") {
            return Some(Self::Sys(rest));
        }
        if let Some(rest) = path.strip_prefix("identity/") {
            return Some(Self::Identity(rest));
        }
        let below = path.strip_prefix("auth/")?;
        if let Some(rest) = below.strip_prefix("token/") {
            return Some(Self::Token(rest));
        }
        if below == "token" {
            return Some(Self::Token(""));
        }
        // No mount stands above another, so the first one that fits is the only one.
        let ends = below.match_indices('/').map(|(end, _)| end).chain([below.len()]);
        ends.into_iter().find_map(|end| {
            let (mount, rest) = below.split_at_checked(end)?;
            let mount = snapshot.mounts.get(mount)?;
            Some(Self::Kubernetes(mount, rest.strip_prefix('/').unwrap_or(rest)))
        })
    }

    /// The path that names the same as this one and has the name as it is stored: policies and roles in lower case, a
    /// mount without slashes at its ends. None where it is this one.
    pub(super) fn as_stored(&self, path: &str) -> Option<String> {
        let (name, stored) = match *self {
            Self::Kubernetes(_, rest) => {
                let name = rest.strip_prefix("role/")?;
                (name, name.to_lowercase())
            }
            Self::Sys(rest) => {
                let policy = rest.strip_prefix("policies/acl/").or_else(|| rest.strip_prefix("policy/"));
                let mount = rest.strip_prefix("auth/").or_else(|| rest.strip_prefix("mounts/auth/"));
                match (policy, mount) {
                    (Some(name), _) => (name, stored_name(name)),
                    (None, Some(rest)) => {
                        let (mount, tune) = rest.strip_suffix(TUNE).map_or((rest, ""), |mount| (mount, TUNE));
                        (rest, [mount.trim_matches('/'), tune].concat())
                    }
                    (None, None) => return None,
                }
            }
            Self::Token(_) | Self::Identity(_) => return None,
        };
        let before = path.strip_suffix(name).filter(|_| stored != name)?;
        Some([before, &stored].concat())
    }

    /// Whether the path is open to callers without a token.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Kubernetes(_, rest) => *rest == "login",
            Self::Token(_) | Self::Identity(_) => false,
            Self::Sys(rest) => {
                *rest == "wrapping/lookup"
                    || rest
                        .strip_prefix("internal/ui/mounts")
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

/// Whether only `sudo` may do this: Vault's root paths, as far as they exist here.
pub(super) fn needs_sudo(path: &str) -> bool {
    path.starts_with("sys/auth/")
        || path == "sys/storage/backup"
        || path.starts_with("auth/token/accessors")
        || path.strip_prefix("auth/token/revoke-orphan").is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Route, needs_sudo};
    use crate::core::mount::{Mount, MountAbout, Snapshot};

    fn shown(path: &str) -> String {
        let mount = |path: &str| (Box::from(path), Arc::new(Mount::new(path, 1, MountAbout::of_path(path))));
        let set =
            Snapshot { mounts: [mount("kubernetes"), mount("clusters/eu1")].into(), ..Snapshot::default() };
        match Route::find(&set, path) {
            None => "none".to_owned(),
            Some(Route::Kubernetes(mount, rest)) => format!("{} {rest}", mount.path),
            Some(Route::Token(rest)) => format!("token {rest}"),
            Some(Route::Sys(rest)) => format!("sys {rest}"),
            Some(Route::Identity(rest)) => format!("identity {rest}"),
        }
    }

    #[test]
    fn a_path_goes_to_the_mount_that_it_is_below_and_to_no_neighbour() {
        for (path, route) in [
            ("auth/kubernetes/login", "kubernetes login"),
            ("auth/kubernetes", "kubernetes "),
            ("auth/kubernetes/", "kubernetes "),
            ("auth/kubernetes2/login", "none"),
            ("auth/clusters/eu1/role/a", "clusters/eu1 role/a"),
            ("auth/clusters/login", "none"),
            ("auth/Kubernetes/login", "none"),
            ("auth/token/lookup-self", "token lookup-self"),
            ("auth/", "none"),
            ("auth", "none"),
            ("sys/auth", "sys auth"),
            ("sys", "none"),
            ("identity/entity/id", "identity entity/id"),
            ("secret/foo", "none"),
        ] {
            assert_eq!(shown(path), route, "{path}");
        }
    }

    #[test]
    fn a_name_is_told_as_it_is_stored_where_it_is_written_otherwise() {
        let mount = Arc::new(Mount::new("kubernetes", 1, MountAbout::of_path("kubernetes")));
        let set = Snapshot { mounts: [("kubernetes".into(), mount)].into(), ..Snapshot::default() };
        for (path, stored) in [
            ("auth/kubernetes/role/Orders", Some("auth/kubernetes/role/orders")),
            ("auth/kubernetes/role/orders", None),
            ("auth/kubernetes/Config", None),
            ("sys/policies/acl/Admin", Some("sys/policies/acl/admin")),
            ("sys/policies/acl/\u{212a}", Some("sys/policies/acl/k")),
            ("sys/policies/acl/", None),
            ("sys/policy/ADMIN", Some("sys/policy/admin")),
            ("sys/auth/kubernetes/", Some("sys/auth/kubernetes")),
            ("sys/auth//kubernetes//tune", Some("sys/auth/kubernetes/tune")),
            ("sys/mounts/auth/kubernetes//tune", Some("sys/mounts/auth/kubernetes/tune")),
            ("sys/auth/kubernetes/tune", None),
            ("sys/auth/Kubernetes", None),
            ("auth/token/Create", None),
        ] {
            let found = Route::find(&set, path).unwrap();
            assert_eq!(found.as_stored(path).as_deref(), stored, "{path}");
        }
    }

    #[test]
    fn sudo_is_asked_for_below_sys_auth_and_for_accessors() {
        for (path, needed) in [
            ("sys/auth", false),
            ("sys/auth/x", true),
            ("sys/auth/x/tune", true),
            ("sys/mounts", false),
            ("auth/token/accessors/", true),
            ("auth/token/accessors", true),
            ("auth/token/lookup-accessor", false),
            ("auth/token/revoke-orphan/x", true),
            ("auth/token/tidy", false),
        ] {
            assert_eq!(needs_sudo(path), needed, "{path}");
        }
    }
}
