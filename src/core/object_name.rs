//! The names of the custom resources that mounts, roles and policies are, for Kubernetes and its RBAC.
//!
//! A name is the plain one where that is an RFC 1123 subdomain and no other mount or role could have it. Every other is
//! `<what of it can stand in a name>-<10 hexadecimal digits of SHA-256>`.

use aws_lc_rs::digest::{Context, SHA256};

use super::hex::hex;

/// The longest name of an object, in bytes.
const MAX_NAME: usize = 253;

/// What of a name stays before the digest, in bytes.
const MAX_READABLE: usize = 200;

/// Bytes of the digest.
const DIGEST: usize = 5;

/// The name of the GateMount of a path, which is that path with `.` for `/`.
pub fn mount_object_name(path: &str) -> String {
    named(path.replace('/', "."), !path.contains('.'), &[path])
}

/// The name of the GateRole of a role, in lower case, in the mount of that path: `<mount>.<role>`, the mount as in
/// [`mount_object_name`].
pub fn role_object_name(mount_path: &str, role: &str) -> String {
    let plain = format!("{}.{role}", mount_path.replace('/', "."));
    // With a dot or a slash in the wrong place two roles could come to one name.
    let is_unique = !mount_path.contains('.') && !role.contains(['.', '/']);
    named(plain, is_unique, &[mount_path, role])
}

/// The name of the GatePolicy of a policy, in lower case.
pub fn policy_object_name(name: &str) -> String {
    named(name.to_owned(), true, &[name])
}

fn named(plain: String, is_unique: bool, parts: &[&str]) -> String {
    if is_unique && is_subdomain(&plain) { plain } else { with_digest(&plain, parts) }
}

fn with_digest(plain: &str, parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = hex(context.finish().as_ref().get(..DIGEST).unwrap_or_default());
    let good = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let readable: String = plain.chars().map(good).take(MAX_READABLE).collect();
    match readable.trim_matches('-') {
        "" => format!("x-{digest}"),
        readable => format!("{readable}-{digest}"),
    }
}

/// Whether it is an RFC 1123 subdomain, which names of objects and prefixes of labels' keys are.
pub fn is_subdomain(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= MAX_NAME
        && name.split('.').all(|label| {
            label.starts_with(alphanumeric)
                && label.ends_with(alphanumeric)
                && label.chars().all(|c| alphanumeric(c) || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::{is_subdomain, mount_object_name, policy_object_name, role_object_name};

    #[test]
    fn good_names_are_plain() {
        assert_eq!(mount_object_name("kubernetes"), "kubernetes");
        assert_eq!(mount_object_name("clusters/eu1"), "clusters.eu1");
        assert_eq!(role_object_name("kubernetes", "orders"), "kubernetes.orders");
        assert_eq!(role_object_name("clusters/eu1", "orders-2"), "clusters.eu1.orders-2");
        assert_eq!(policy_object_name("orders"), "orders");
        assert_eq!(policy_object_name("team.orders"), "team.orders");
    }

    #[test]
    fn others_keep_what_can_be_read_before_a_digest() {
        assert_eq!(role_object_name("kubernetes", "team_a"), "kubernetes-team-a-92fd62e637");
        assert_eq!(policy_object_name("a/b"), "a-b-c9d2a281f3");
        assert_eq!(policy_object_name("_"), "x-828695afc6");
        assert!(policy_object_name(&"a".repeat(300)).starts_with(&format!("{}-", "a".repeat(200))));
    }

    #[test]
    fn no_two_have_one_name() {
        let mounts = ["a", "a/b", "a.b", "a-b", "A", "A/b", "a b", "ä", "", "a//b"];
        let roles = ["c", "b.c", "b_c", "b-c", "c.", "_", "..c"];
        let mut names: Vec<String> = mounts.map(mount_object_name).to_vec();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        names = mounts.iter().flat_map(|mount| roles.map(|role| role_object_name(mount, role))).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }

    proptest! {
        #[test]
        fn every_name_is_one_of_an_object(mount in "\\PC{0,300}", role in "\\PC{0,20}") {
            for name in [mount_object_name(&mount), role_object_name(&mount, &role), policy_object_name(&role)] {
                prop_assert!(is_subdomain(&name), "{}", name);
            }
        }
    }
}
