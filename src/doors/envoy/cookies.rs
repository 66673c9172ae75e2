//! The pairs of `cookie` lines, and the lines without some of them.

use super::name_value::cookie;

/// Whether a line has a cookie of one of these names.
pub(super) fn holds(line: &[u8], names: &[String]) -> bool {
    let is_named = |pair: &[u8]| names.iter().any(|name| cookie(pair, name).is_some());
    pairs(line).any(|pair| is_named(pair) || joined(pair).any(is_named))
}

/// The cookies of all lines without those of these names, in one line; every other byte as it is and in its order. None
/// where there is no such cookie.
///
/// A proxy may have joined two lines by a comma, so that a cookie can stand behind one.
pub(super) fn without<'a>(lines: impl Iterator<Item = &'a [u8]>, names: &[String]) -> Option<Vec<u8>> {
    let (mut out, mut found) = (Vec::new(), false);
    for line in lines {
        let left = without_line(line, names);
        found |= left.is_some();
        let left = left.as_deref().unwrap_or(line).trim_ascii();
        if !left.is_empty() {
            if !out.is_empty() {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(left);
        }
    }
    found.then_some(out)
}

/// The pairs of a line, which may be several that a proxy has joined by commas: see [`joined`].
pub(super) fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';')
}

/// The further pairs that a pair may hold behind commas. They have a `=`, unlike the rest of a value with a comma in it.
pub(super) fn joined(pair: &[u8]) -> impl Iterator<Item = &[u8]> {
    pair.split(|byte| *byte == b',').skip(1).filter(|part| part.contains(&b'='))
}

fn without_line(line: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let (mut out, mut found, mut first) = (Vec::new(), false, true);
    for pair in pairs(line) {
        let left = without_pair(pair, names);
        found |= left.is_some();
        if left.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        if !first {
            out.push(b';');
        }
        first = false;
        out.extend_from_slice(left.as_deref().unwrap_or(pair));
    }
    found.then_some(out)
}

/// What is left of a pair, empty where all goes; none where it stays as it is.
fn without_pair(pair: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let is_cut = |part: &[u8]| names.iter().any(|name| cookie(part, name).is_some());
    if !is_cut(pair) && !joined(pair).any(is_cut) {
        return None;
    }
    let (mut out, mut cutting, mut kept) = (Vec::new(), false, false);
    for (number, part) in pair.split(|byte| *byte == b',').enumerate() {
        let begins = number == 0 || part.contains(&b'=');
        // What follows a comma and is no pair belongs to the value before it.
        cutting = if begins { is_cut(part) } else { cutting };
        if !cutting {
            if kept {
                out.push(b',');
            }
            kept = true;
            out.extend_from_slice(part);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{holds, without};

    fn left(lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| line.as_bytes());
        without(lines, &["t".to_owned()]).map(|left| String::from_utf8(left).unwrap())
    }

    #[test]
    fn only_the_cookie_goes_and_every_other_byte_stays() {
        // The `cookie` lines, and what is left: none where nothing is cut.
        let cases: [(&[&str], Option<&str>); 34] = [
            (&["t=x"], Some("")),
            (&["t="], Some("")),
            (&["t"], Some("")),
            (&["t=x; t=y"], Some("")),
            (&["t=x;"], Some("")),
            (&["a=1; t=x; b=2"], Some("a=1; b=2")),
            (&["a=1;t=x;b=2"], Some("a=1;b=2")),
            (&["a=1;  t=x ;\tb=2"], Some("a=1;\tb=2")),
            (&["a=1", "t=x", "b=2"], Some("a=1; b=2")),
            (&["a=1;b=2", "t=x; c=3"], Some("a=1;b=2; c=3")),
            (&["t = x; a=1"], Some("a=1")),
            (&["t; a=1"], Some("a=1")),
            (&["%74=x; a=1"], Some("a=1")),
            (&["t=x; a=1,2"], Some("a=1,2")),
            (&["t=x; a=\"1 2\"; b=ñ; c"], Some("a=\"1 2\"; b=ñ; c")),
            (&["t=x;;  ; a=1;"], Some(";  ; a=1;")),
            (&["a=1,t=x"], Some("a=1")),
            (&["t=x,a=1"], Some("a=1")),
            (&["t=x,y"], Some("")),
            (&["t=x,y,a=1; b=2"], Some("a=1; b=2")),
            (&["a=1, t=x, b=2; c=3"], Some("a=1, b=2; c=3")),
            (&["a=,t=x,,b=1"], Some("a=,b=1")),
            (&[",t=x,b=1"], Some(",b=1")),
            (&["a=1,t"], None),
            (&["a=1,t; b=2"], None),
            (&["a=1; b=2"], None),
            (&["tt=x; xt=x; a=t"], None),
            (&["a=t=x"], None),
            (&["+t=x"], None),
            (&["T=x"], None),
            (&["%2574=x"], None),
            (&["  a=1 ;; "], None),
            (&[""], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(left(lines).as_deref(), expected, "{lines:?}");
            let held = lines.iter().any(|line| holds(line.as_bytes(), &["t".to_owned()]));
            assert_eq!(held, expected.is_some(), "{lines:?}");
        }
        assert_eq!(without([&b"t=x"[..]].into_iter(), &[]), None);
    }

    proptest! {
        #[test]
        fn what_is_left_are_the_other_cookies_in_their_order(
            others in proptest::collection::vec("[ab]=[!-+\\--:<-~]{0,3}", 0..5),
            at in any::<prop::sample::Index>(),
        ) {
            let mut all = others.clone();
            all.insert(at.index(others.len() + 1), "t=x".to_owned());
            prop_assert_eq!(left(&[&all.join("; ")]), Some(others.join("; ")));
        }
    }
}
