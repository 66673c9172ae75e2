//! Tests of which rule counts.

use proptest::prelude::*;

use super::{Gathered, Paths};
use crate::core::acl::capability::Capabilities;
use crate::core::acl::pattern::Pattern;
use crate::core::acl::rule::Rule;

/// Marks each rule by the place of its path in the list: its wrapping TTL in seconds.
fn paths(patterns: &[&str]) -> Paths {
    let mut gathered = Gathered::default();
    for (at, pattern) in patterns.iter().enumerate() {
        let mark = std::time::Duration::from_secs(at as u64);
        let rule = Rule { capabilities: Capabilities::READ, min_wrap: mark, ..Rule::denial() };
        gathered.add(Pattern::read(pattern).unwrap(), &rule);
    }
    gathered.into()
}

fn counts<'a>(patterns: &[&'a str], path: &str, is_list: bool) -> Option<&'a str> {
    let at = paths(patterns).rule(path, is_list)?.min_wrap.as_secs();
    patterns.get(usize::try_from(at).unwrap()).copied()
}

#[test]
fn the_path_that_says_most_counts() {
    for (patterns, path, expected) in [
        // Exactly, before all else.
        (vec!["a/b", "a/*", "a/+", "*"], "a/b", Some("a/b")),
        // Then by where the first wildcard stands.
        (
            vec!["auth/+/role/one", "auth/kubernetes/role/*"],
            "auth/kubernetes/role/one",
            Some("auth/kubernetes/role/*"),
        ),
        (vec!["a/*", "a/b*", "*"], "a/bc", Some("a/b*")),
        (vec!["foo/bar/+/baz", "foo/+/bar/baz"], "foo/bar/bar/baz", Some("foo/bar/+/baz")),
        // Then a whole path before one that ends in a star.
        (vec!["foo/+", "foo/*"], "foo/x", Some("foo/+")),
        (vec!["foo/+/bar", "foo/+/ba*"], "foo/x/bar", Some("foo/+/bar")),
        // Then by how few plusses.
        (vec!["foo/+/+/baz", "foo/+/bar/baz"], "foo/x/bar/baz", Some("foo/+/bar/baz")),
        (vec!["foo/+/b*", "foo/*"], "foo/x/bar", Some("foo/*")),
        // Then by length.
        (vec!["foo/+/bar/b*", "foo/+/bar/ba*"], "foo/x/bar/baz", Some("foo/+/bar/ba*")),
        // None.
        (vec!["a/b", "a/+/c", "b*"], "a/c", None),
        (vec![], "a", None),
        (vec!["*"], "", Some("*")),
        (vec!["a"], "//a", Some("a")),
    ] {
        assert_eq!(counts(&patterns, path, false), expected, "{path} of {patterns:?}");
        let turned: Vec<_> = patterns.iter().rev().copied().collect();
        assert_eq!(counts(&turned, path, false), expected, "{path} of {turned:?}");
    }
}

#[test]
fn a_list_counts_with_and_without_its_slash() {
    for (patterns, path, listed, read) in [
        (vec!["role"], "role/", Some("role"), None),
        (vec!["role/"], "role/", Some("role/"), Some("role/")),
        (vec!["role/", "role"], "role/", Some("role/"), Some("role/")),
        (vec!["+"], "role/", Some("+"), None),
        (vec!["role/*"], "role/", Some("role/*"), Some("role/*")),
        (vec!["role/*"], "role", None, None),
        (vec!["role/*", "rol*"], "role/", Some("rol*"), Some("role/*")),
    ] {
        assert_eq!(counts(&patterns, path, true), listed, "list {path} of {patterns:?}");
        assert_eq!(counts(&patterns, path, false), read, "read {path} of {patterns:?}");
    }
}

/// Slow and obvious: of all prefixes that fit the longest.
fn longest<'a>(prefixes: &[&'a str], path: &str) -> Option<&'a str> {
    let fitting = prefixes.iter().filter(|prefix| path.starts_with(prefix.trim_end_matches('*')));
    fitting.max_by_key(|prefix| prefix.len()).copied()
}

proptest! {
    #[test]
    fn the_longest_prefix_is_the_one_that_the_obvious_model_finds(
        prefixes in proptest::collection::btree_set("[ab/é]{0,5}", 0..12),
        path in "[ab/é]{0,7}",
    ) {
        let prefixes: Vec<String> =
            prefixes.into_iter().filter(|one| !one.starts_with('/')).map(|one| one + "*").collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let path = path.trim_start_matches('/');
        prop_assert_eq!(counts(&prefixes, path, false), longest(&prefixes, path));
    }
}
