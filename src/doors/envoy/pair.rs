//! `name=value`, as cookies and queries hold it.

/// The value of a pair of that name, blanks around name and value left out; empty for a name that stands alone.
pub(super) fn value<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (found, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (pair.get(..at)?, pair.get(at.saturating_add(1)..)?),
        None => (pair, &[][..]),
    };
    (found.trim_ascii() == name.as_bytes()).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::value;

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
        ] {
            assert_eq!(value(pair.as_bytes(), "t"), expected.map(str::as_bytes), "{pair:?}");
        }
    }
}
