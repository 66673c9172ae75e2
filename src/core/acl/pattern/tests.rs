//! Tests of how patterns fit paths.

use proptest::prelude::*;

use super::{Pattern, Plus, Segments};

#[test]
fn patterns_are_told_apart() {
    for (text, pattern) in [
        ("", Pattern::Exact("")),
        ("a/b", Pattern::Exact("a/b")),
        ("/a/b", Pattern::Exact("a/b")),
        ("//a", Pattern::Exact("/a")),
        ("a/*/b", Pattern::Exact("a/*/b")),
        ("a+b", Pattern::Exact("a+b")),
        ("*", Pattern::Prefix("")),
        ("a/b*", Pattern::Prefix("a/b")),
        ("a/**", Pattern::Prefix("a/*")),
        ("+", Pattern::Segments("+")),
        ("+/a", Pattern::Segments("+/a")),
        ("a/+", Pattern::Segments("a/+")),
        ("a/+/b*", Pattern::Segments("a/+/b*")),
    ] {
        assert_eq!(Pattern::read(text), Ok(pattern), "{text}");
    }
    for text in ["+*", "a/+*", "a+*/b"] {
        assert_eq!(Pattern::read(text), Err(Plus), "{text}");
    }
}

/// Slow and obvious: segments side by side, a `+` taking any, and at the end of a prefix all that is left.
fn model(pattern: &str, path: &str) -> bool {
    let (pattern, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |rest| (rest, true));
    let patterns: Vec<&str> = pattern.split('/').collect();
    let segments: Vec<&str> = path.split('/').collect();
    let (last, first) = patterns.split_last().unwrap();
    let same = |pattern: &str, segment: &str| pattern == "+" || pattern == segment;
    if segments.len() < patterns.len() || !first.iter().zip(&segments).all(|(one, other)| same(one, other)) {
        return false;
    }
    if is_prefix {
        *last == "+" || segments[first.len()..].join("/").starts_with(last)
    } else {
        segments.len() == patterns.len() && same(last, segments[first.len()])
    }
}

proptest! {
    #[test]
    fn a_pattern_fits_what_the_obvious_model_fits(
        pattern in "[ab+]{0,2}(/[ab+]{0,2}){0,3}[*]?",
        path in "[ab+]{0,2}(/[ab]{0,2}){0,4}",
    ) {
        prop_assume!(!pattern.contains("+*"));
        prop_assert_eq!(Segments::new(&pattern).fits(&path), model(&pattern, &path));
    }
}

#[test]
fn a_plus_is_one_whole_segment() {
    for (pattern, path, expected) in [
        ("auth/+/role/one", "auth/kubernetes/role/one", true),
        ("auth/+/role/one", "auth/clusters/eu1/role/one", false),
        ("auth/+", "auth/kubernetes", true),
        ("auth/+", "auth/", true),
        ("auth/+", "auth", false),
        ("auth/+/ro*", "auth/kubernetes/role/one", true),
        ("auth/+/role/*", "auth/kubernetes/role/", true),
        ("auth/+/role/*", "auth/kubernetes/role", false),
        ("auth/+x/role", "auth/kubernetes/role", false),
    ] {
        assert_eq!(Segments::new(pattern).fits(path), expected, "`{pattern}` on `{path}`");
    }
}

#[test]
fn a_pattern_reaches_below_a_folder_that_its_first_segments_fit() {
    for (pattern, folder, expected) in [
        ("auth/+/role/one", "auth/kubernetes/", true),
        ("+/kubernetes/role", "auth/kubernetes/", true),
        ("auth/+", "auth/kubernetes/", true),
        ("secret/+/x", "auth/kubernetes/", false),
        ("+", "auth/kubernetes/", false),
    ] {
        assert_eq!(Segments::new(pattern).reaches_below(folder), expected, "`{pattern}` below `{folder}`");
    }
}
