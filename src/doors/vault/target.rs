//! The path of a request: what it names, or why it names nothing.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Below this every path of the API stands.
const ROOT: &str = "/v1/";

/// What a path in a `Location` must not hold as it is.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why a path names nothing in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TargetError {
    /// A percent sign without two hexadecimal digits.
    BrokenEscape,
    /// It holds what cannot be printed, such as a line's end.
    Unprintable,
    /// It has empty or dot segments; this is the path without them.
    Unclean(String),
    /// It is not below `/v1/`.
    Outside,
}

/// The path below `/v1/`, unescaped.
///
/// # Errors
/// The first of the reference's checks that fails.
pub(super) fn read(path: &str) -> Result<Cow<'_, str>, TargetError> {
    if path.split('%').skip(1).any(|rest| !is_escape(rest.as_bytes())) {
        return Err(TargetError::BrokenEscape);
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if !is_printable(&decoded) {
        return Err(TargetError::Unprintable);
    }
    if path.starts_with('/')
        && let Some(clean) = cleaned(path)
    {
        return Err(TargetError::Unclean(utf8_percent_encode(&clean, ESCAPED).to_string()));
    }
    match decoded {
        Cow::Borrowed(text) => text.strip_prefix(ROOT).map(Cow::Borrowed),
        Cow::Owned(text) => text.strip_prefix(ROOT).map(|rest| Cow::Owned(rest.to_owned())),
    }
    .ok_or(TargetError::Outside)
}

/// Whether a segment of an unescaped path leads upwards; in an escaped one it would have been cleaned away.
pub(super) fn is_relative(path: &str) -> bool {
    path.split('/').any(|segment| segment == "..")
}

fn is_escape(after_percent: &[u8]) -> bool {
    after_percent.get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Whether the standard library, too, would show all of it as it is.
fn is_printable(text: &str) -> bool {
    let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let quoted = |c: &char| matches!(c, '"' | '\'' | '\\');
    text.bytes().all(plain)
        || text.escape_debug().count() == text.chars().count() + text.chars().filter(quoted).count()
}

/// The path without empty and dot segments, as Go's `path.Clean` makes it; a slash at the end stays. None where it
/// has none of them.
fn cleaned(path: &str) -> Option<String> {
    let (inner, last) = path.rsplit_once('/')?;
    let is_dots = |segment: &str| segment == "." || segment == "..";
    let unclean = |segment: &str| segment.is_empty() || is_dots(segment);
    if !is_dots(last) && !inner.split('/').skip(1).any(unclean) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if last.is_empty() && !kept.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TargetError, is_relative, read};

    #[test]
    fn paths_below_v1_are_unescaped() {
        for (path, expected) in [
            ("/v1/", ""),
            ("/v1/auth/kubernetes/login", "auth/kubernetes/login"),
            ("/v1/auth/kubernetes/con%66ig", "auth/kubernetes/config"),
            ("/v1/auth%2Fkubernetes%2fconfig", "auth/kubernetes/config"),
            ("/v1/auth/kubernetes/role/", "auth/kubernetes/role/"),
            ("/v1/a%2F%2Fb", "a//b"),
            ("/v1/config%20", "config "),
            ("/v1/config;x=1", "config;x=1"),
            ("/v1/role/a..b", "role/a..b"),
            ("/v1/role/%2e%2e/config", "role/../config"),
            ("/v1/%c3%a4%e2%98%83\"'\\", "ä☃\"'\\"),
            ("/v1/ae%cc%88", "ae\u{308}"),
            ("/v1/%ff", "\u{fffd}"),
            ("/%76%31/x", "x"),
        ] {
            assert_eq!(read(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_below_v1_is_outside() {
        for path in ["/", "*", "", "/v1", "/v2/sys/health", "/V1/sys/health", "/healthz", "v1/x", "/auth/x"] {
            assert_eq!(read(path), Err(TargetError::Outside), "{path}");
        }
    }

    #[test]
    fn empty_and_dot_segments_are_cleaned_away() {
        for (path, clean) in [
            ("/v1/auth/kubernetes/../token/lookup-self", "/v1/auth/token/lookup-self"),
            ("/v1/auth/./config", "/v1/auth/config"),
            ("/v1/auth/kubernetes/role/..", "/v1/auth/kubernetes"),
            ("/v1/auth/kubernetes/.", "/v1/auth/kubernetes"),
            ("/v1//auth", "/v1/auth"),
            ("//v1/auth/", "/v1/auth/"),
            ("/v1/a/./", "/v1/a/"),
            ("/v1/a//", "/v1/a/"),
            ("/../../..", "/"),
            ("//", "/"),
            ("//evil.test/x", "/evil.test/x"),
            ("/\\evil.test/./\"<x>", "/%5Cevil.test/%22%3Cx%3E"),
            ("/v1/a%20b//c", "/v1/a%20b/c"),
        ] {
            assert_eq!(read(path), Err(TargetError::Unclean(clean.to_owned())), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_printed_comes_before_everything_but_broken_escapes() {
        for path in
            ["/v1/a%00", "/v1/a%0a", "/v1//%7f", "/%09", "/v1/%e2%80%8b", "/v1/%c2%a0", "/v1/%e2%80%ae"]
        {
            assert_eq!(read(path), Err(TargetError::Unprintable), "{path}");
        }
        for path in ["/v1/a%", "/v1/a%2", "/v1/a%zz", "/v1/%00%g0", "/v1/%%41", "/v1//%-1", "/%ä1"] {
            assert_eq!(read(path), Err(TargetError::BrokenEscape), "{path}");
        }
    }

    #[test]
    fn only_whole_segments_of_two_dots_lead_upwards() {
        for (path, expected) in [
            ("..", true),
            ("a/..", true),
            ("../a", true),
            ("a/../b", true),
            ("a..b", false),
            ("a/.../b", false),
        ] {
            assert_eq!(is_relative(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics_and_a_cleaned_one_is_clean(path in "(/|\\.|%|2e|%2f|v1|\\PC){0,12}") {
            if let Err(TargetError::Unclean(clean)) = read(&path) {
                prop_assert!(clean.starts_with('/') && !clean.starts_with("//"), "{clean}");
                prop_assert!(!matches!(read(&clean), Err(TargetError::Unclean(_))), "{clean}");
            }
        }
    }
}
