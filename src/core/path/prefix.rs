//! Prefixes of paths.

use super::step::escaped;

/// Whether a reading is the prefix or lies below it, at the boundary of a segment. A slash at the prefix's end counts
/// for nothing, and a reading that does not begin with `/` lies below no prefix.
///
/// A prefix is written decoded. A byte of it that cannot stand in a path as it is (RFC 3986 section 3.3: a blank, `é`,
/// `%`) is the same in a reading raw and escaped, since clients can only send its escape.
pub fn is_below(reading: &[u8], prefix: &[u8]) -> bool {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    reading.first() == Some(&b'/')
        && after(reading, prefix).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// What follows the prefix.
fn after<'a>(reading: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    prefix.iter().try_fold(reading, |rest, byte| {
        if must_be_escaped(*byte) && escaped(rest) == Some(*byte) {
            return rest.get(3..);
        }
        rest.split_first().filter(|(first, _)| *first == byte).map(|(_, rest)| rest)
    })
}

/// Whether a byte is neither a slash nor a `pchar` without its escapes (RFC 3986 section 3.3).
const fn must_be_escaped(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric()
        && !matches!(
            byte,
            b'/' | b':'
                | b'@'
                | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn a_prefix_ends_at_the_end_of_a_segment() {
        for (prefix, below, beside) in [
            ("/a", "/a /a/ /a/b /a//b /a/../b", "/ /ab /A /a.b /a;b /a?b /a%2Fb /%61 a a/b //a /b/a"),
            ("/a/", "/a /a/ /a/b", "/ /ab a"),
            ("/a/b", "/a/b /a/b/c", "/a /a/ /a/bc /a%2Fb"),
            ("/", "/ // /a /;a /%zz", "a * h:80 http://h/a"),
        ] {
            for path in below.split(' ') {
                assert!(is_below(path.as_bytes(), prefix.as_bytes()), "{path} below {prefix}");
            }
            for path in beside.split(' ').chain([""]) {
                assert!(!is_below(path.as_bytes(), prefix.as_bytes()), "{path:?} below {prefix}");
            }
        }
    }

    #[test]
    fn bytes_that_can_only_be_sent_escaped_count_raw_and_escaped_and_others_raw_alone() {
        for (prefix, below, beside) in [
            (
                "/café",
                "/café /caf%C3%A9 /caf%c3%A9/x",
                "/cafe /caf%C3 /caf%C3%A8 /caf%25C3%25A9 /caf%E9 /c%61fé",
            ),
            ("/a b", "/a%20b", "/a+b /a%2520b /a"),
            ("/100%", "/100% /100%/a /100%25 /100%25/a", "/100%2 /100%2525 /100"),
            ("/100%2", "/100%2 /100%252", "/100%25 /100%25252"),
            ("/a:b", "/a:b", "/a%3Ab"),
            ("/[a]", "/[a] /%5Ba%5d", "/a"),
        ] {
            for path in below.split(' ') {
                assert!(is_below(path.as_bytes(), prefix.as_bytes()), "{path} below {prefix}");
            }
            for path in beside.split(' ') {
                assert!(!is_below(path.as_bytes(), prefix.as_bytes()), "{path} below {prefix}");
            }
        }
        assert!(is_below(b"/a b/c", b"/a b"), "a raw blank");
    }
}
