//! Request paths that every upstream reads alike.

/// Whether an upstream might read the path otherwise than it stands here.
pub fn is_ambiguous(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else { return true };
    let segments = || rest.split(|byte| *byte == b'/');
    let last = segments().count().saturating_sub(1);
    segments()
        .enumerate()
        .any(|(at, segment)| (segment.is_empty() && at < last) || segment == b"." || segment == b"..")
        || path.iter().any(|byte| matches!(byte, b';' | b'\\' | b'#') || byte.is_ascii_control())
        || path.split(|byte| *byte == b'%').skip(1).any(misleads)
}

/// Whether what follows a percent sign may be read in two ways: no escape, one of a character that separates or
/// controls, or one of a character that needs none and so means the same without (RFC 3986 section 2.3).
fn misleads(after_percent: &[u8]) -> bool {
    let digit =
        |at| char::from(*after_percent.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (Some(high), Some(low)) = (digit(0), digit(1)) else { return true };
    let byte = (high << 4) | low;
    byte.is_ascii_control()
        || byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'\\' | b';')
}

#[cfg(test)]
mod tests {
    use super::is_ambiguous;

    #[test]
    fn what_can_be_read_in_two_ways_is_ambiguous() {
        for (why, paths) in [
            ("no path from the root", "* orders http://shop/orders ?x=/orders"),
            ("empty segments", "// //orders /a//orders /orders//"),
            ("dots", "/. /.. /./orders /a/../orders /orders/. /orders/.."),
            ("other separators", r"/orders;v=1 /;/orders /a;/../orders /a\orders /a#b"),
            ("escaped separators", "/a%2forders /a%2Forders /a%5corders /a%5Corders /orders%3bv /orders%3Bv"),
            ("escaped dots", "/%2e%2e/orders /a/%2E/orders /a/.%2e/orders"),
            ("escaped control bytes", "/a%00 /a%0a /a%0D /a%1f /a%7f"),
            ("needless escapes", "/%6frders /%6Frders /order%73 /my%2dorders /my%5Forders /%7eme /%30"),
            ("no escapes", "/a% /a%2 /a%zz /a%u002f /a%%32f /a%2%66"),
        ] {
            for path in paths.split(' ') {
                assert!(is_ambiguous(path.as_bytes()), "{why}: {path}");
            }
        }
        for path in ["", "/a\0", "/a\t", "/a\r\nb", "/a\x1f", "/a\x7f"] {
            assert!(is_ambiguous(path.as_bytes()), "{path:?}");
        }
    }

    #[test]
    fn what_can_be_read_in_one_way_is_not() {
        let paths = "/ /orders /orders/ /.well-known/x /a..b /... /a.b /a:b@c /a=b,c /~me /a+b \
                     /a%20b /a%3Fb /a%23b /a%25b /%C3%A4 /ä";
        for path in paths.split(' ') {
            assert!(!is_ambiguous(path.as_bytes()), "{path}");
        }
    }
}
