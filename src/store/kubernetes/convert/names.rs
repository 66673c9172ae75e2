//! The names of objects that the Vault door makes. One name always has one object, so that two replicas that write the
//! same at once meet there.

use std::fmt::Write as _;

/// The longest name of an object, in bytes.
const MAX_NAME: usize = 253;

/// The name of the GateMount of a path.
pub fn mount_object_name(path: &str) -> String {
    if is_object_name(path) { path.to_owned() } else { with_digest(&[path]) }
}

/// The name of the GateRole of a role in the mount whose object is `mount`: `kubernetes.orders`.
pub fn role_object_name(mount: &str, role: &str) -> String {
    let plain = format!("{mount}.{role}");
    // With a dot in either, two pairs could come to one name.
    if !mount.contains('.') && !role.contains('.') && is_object_name(&plain) {
        plain
    } else {
        with_digest(&[mount, role])
    }
}

/// The name of the GatePolicy of a policy.
pub fn policy_object_name(name: &str) -> String {
    if is_object_name(name) { name.to_owned() } else { with_digest(&[name]) }
}

/// What of the parts can stand in a name, and 128 bits of their digest, which tells them from all others.
fn with_digest(parts: &[&str]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut name = String::new();
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
        let good = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        name.extend(part.chars().map(good));
        name.push('-');
    }
    name.truncate(100);
    let readable = name.trim_matches('-');
    let mut name = if readable.is_empty() { "x".to_owned() } else { readable.to_owned() };
    name.push('-');
    for byte in context.finish().as_ref().iter().take(16) {
        // A String takes everything.
        let _written = write!(name, "{byte:02x}");
    }
    name
}

/// Whether an object can have this name (RFC 1123 subdomain).
fn is_object_name(name: &str) -> bool {
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

    use super::{is_object_name, mount_object_name, policy_object_name, role_object_name};

    #[test]
    fn good_names_stay_as_they_are() {
        assert_eq!(mount_object_name("kubernetes"), "kubernetes");
        assert_eq!(role_object_name("kubernetes", "orders"), "kubernetes.orders");
        assert_eq!(policy_object_name("orders"), "orders");
    }

    #[test]
    fn every_name_is_good_and_no_two_are_one() {
        let long = "a".repeat(300);
        let pairs = [
            ("a", "b_c"),
            ("a", "b-c"),
            ("a.b", "c"),
            ("a", "b.c"),
            ("a", "_"),
            ("a", "b..c"),
            ("a", "b..c-"),
            ("a", long.as_str()),
            ("", ""),
        ];
        let mut names: Vec<String> =
            pairs.iter().map(|(mount, role)| role_object_name(mount, role)).collect();
        names.extend(["clusters/eu1", "clusters-eu1", "Ä", "-"].map(mount_object_name));
        assert!(names.iter().all(|name| is_object_name(name)), "{names:?}");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }
}
