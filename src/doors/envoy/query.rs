//! The parameters of a query: where they begin and end, and the query without some of them.

use super::name_value::parameter;

/// The parameters, apart at `&` and, as some servers read them, at `;`.
pub(super) fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| is_separator(*byte))
}

/// The path and query without the parameters of these names, all other bytes as they are and in their order. None
/// where there is no such parameter. A `?` goes only where no parameter is left behind it.
///
/// With a parameter goes the separator before it, or the one behind it where it is the first; of two different
/// ones the `;` goes, since not every server takes it for one.
pub(super) fn without(path: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let question = path.iter().position(|byte| *byte == b'?')?;
    let (before, query) = path.split_at_checked(question)?;
    let query = query.get(1..)?;
    let is_cut = |pair: &[u8]| names.iter().any(|name| parameter(pair, name).is_some());
    if names.is_empty() || !parameters(query).any(is_cut) {
        return None;
    }
    let mut out = before.to_vec();
    let (mut separator, mut kept) = (b'?', false);
    let mut rest = query;
    loop {
        let end = rest.iter().position(|byte| is_separator(*byte)).unwrap_or(rest.len());
        let (pair, behind) = rest.split_at_checked(end)?;
        let cut = is_cut(pair);
        if !cut {
            out.push(separator);
            out.extend_from_slice(pair);
            kept = true;
        }
        let Some((next, following)) = behind.split_first() else { return Some(out) };
        separator = match (kept, cut) {
            (false, _) => b'?',
            (true, true) if separator == b'&' => b'&',
            (true, _) => *next,
        };
        rest = following;
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'&' | b';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parameter, parameters, without};

    fn left(path: &str) -> Option<String> {
        without(path.as_bytes(), &["token".to_owned()]).map(|left| String::from_utf8(left).unwrap())
    }

    #[test]
    fn only_the_parameter_goes_and_every_other_byte_stays() {
        for (path, expected) in [
            ("/o?token=x", Some("/o")),
            ("/o?token", Some("/o")),
            ("/o?token=", Some("/o")),
            ("/o?a=1&token=x&b=2", Some("/o?a=1&b=2")),
            ("/o?token=x&uploads", Some("/o?uploads")),
            ("/o?uploads&token=x", Some("/o?uploads")),
            ("/o?token=x&a=1&token=y", Some("/o?a=1")),
            ("/o?token=x&token=y", Some("/o")),
            ("/o?&&a=1&token=x", Some("/o?&&a=1")),
            ("/o?&token=x&&a=+%20", Some("/o?&&a=+%20")),
            ("/o?token=x&&a=1", Some("/o?&a=1")),
            ("/o?token=x&", Some("/o?")),
            ("/o?%74oken=x&a=1", Some("/o?a=1")),
            ("/o?+token=x&a=1", Some("/o?a=1")),
            ("/o?token+=x&a=1", Some("/o?a=1")),
            ("/o?%20token%20=x&a=1", Some("/o?a=1")),
            ("/o?a=1;token=x&b=2", Some("/o?a=1&b=2")),
            ("/o?a=1&token=x;b=2", Some("/o?a=1&b=2")),
            ("/o?a=1;token=x;b=2", Some("/o?a=1;b=2")),
            ("/o?a=1&token=x;token=y;b=2", Some("/o?a=1&b=2")),
            ("/o?token=x;a=1&b=2", Some("/o?a=1&b=2")),
            ("/o?a=?token=x", None),
            ("/o?a=1&b=token", None),
            ("/o?a=1#token=x", None),
            ("/o?Token=x", None),
            ("/o?tokens=x&xtoken=x&token%5B%5D=x&token[]=x", None),
            ("/o?%2574oken=x", None),
            ("/o?uploads", None),
            ("/o?&&a=1", None),
            ("/o?", None),
            ("/o", None),
            ("/token=x", None),
            ("", None),
        ] {
            assert_eq!(left(path).as_deref(), expected, "{path}");
        }
        assert_eq!(without(b"/o?token=x", &[]), None);
    }

    proptest! {
        #[test]
        fn what_is_left_are_the_other_parameters_in_their_order(
            query in "(token=[a-z]{0,2}|%74oken|\\+token=1|a=[0-9+]?|b|%zz|[&;]){0,12}",
        ) {
            let path = format!("/o?{query}");
            let others: Vec<&[u8]> = parameters(query.as_bytes()).filter(|pair| parameter(pair, "token").is_none()).collect();
            match without(path.as_bytes(), &["token".to_owned()]) {
                None => prop_assert_eq!(others.len(), parameters(query.as_bytes()).count()),
                Some(left) if others.is_empty() => prop_assert_eq!(left, b"/o"),
                Some(left) => {
                    let left = left.strip_prefix(b"/o?").unwrap();
                    prop_assert_eq!(parameters(left).collect::<Vec<_>>(), others);
                }
            }
        }
    }
}
