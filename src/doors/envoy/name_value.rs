//! `name=value`, as cookies and queries hold it.

use std::borrow::Cow;

/// The value of a cookie of that name, blanks around name and value left out; empty for a name that stands alone.
///
/// The name counts percent-decoded, too, as a server may read it (`%74oken` is `token`).
pub(super) fn cookie<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    value(pair, name, false)
}

/// The same of a parameter of a query, in whose name `+` is a blank (WHATWG URL, "urlencoded parsing").
pub(super) fn parameter<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    value(pair, name, true)
}

fn value<'a>(pair: &'a [u8], name: &str, plus_is_blank: bool) -> Option<&'a [u8]> {
    let (found, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (pair.get(..at)?, pair.get(at.saturating_add(1)..)?),
        None => (pair, &[][..]),
    };
    let is_name = |text: &[u8]| text.trim_ascii() == name.as_bytes();
    (is_name(found) || is_name(&decoded(found, plus_is_blank))).then(|| value.trim_ascii())
}

/// Percent-decoded once; an escape that is none stays as it is (WHATWG URL, "percent-decode").
fn decoded(text: &[u8], plus_is_blank: bool) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| *byte == b'%' || (plus_is_blank && *byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let escaped = match behind {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if plus_is_blank && *first == b'+' { b' ' } else { *first });
                rest = behind;
            }
        }
    }
    Cow::Owned(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{cookie, parameter};

    #[test]
    fn a_pair_is_found_by_its_whole_name_and_read_up_to_its_end() {
        for (pair, expected) in [
            ("t=x", Some("x")),
            (" t = x ", Some("x")),
            ("t=", Some("")),
            ("t", Some("")),
            ("t=x=y", Some("x=y")),
            ("T=x", None),
            ("tt=x", None),
            ("xt=x", None),
            ("=x", None),
            ("", None),
            ("%74=x", Some("x")),
            ("%74%20=x", Some("x")),
            ("%74", Some("")),
            ("%2574=x", None),
            ("%54=x", None),
            ("%7=x", None),
            ("%=x", None),
            ("%zz=x", None),
            ("t%=x", None),
        ] {
            let expected = expected.map(str::as_bytes);
            assert_eq!(cookie(pair.as_bytes(), "t"), expected, "{pair:?}");
            assert_eq!(parameter(pair.as_bytes(), "t"), expected, "{pair:?}");
        }
        for pair in ["+t=x", "t+=x", "%2bt=x"] {
            assert_eq!(cookie(pair.as_bytes(), "t"), None, "{pair:?}");
            let is_blank = !pair.contains('%');
            assert_eq!(parameter(pair.as_bytes(), "t"), is_blank.then_some(&b"x"[..]), "{pair:?}");
        }
        assert_eq!(cookie(b"%4a=x", "J"), Some(&b"x"[..]));
        for name in ["a%4A", "a+"] {
            let pair = format!("{name}=x");
            assert_eq!(cookie(pair.as_bytes(), name), Some(&b"x"[..]), "a cookie's name may hold it");
        }
    }
}
