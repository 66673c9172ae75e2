//! As much of Rust's grammar as it takes to see which paths a source names.

/// The paths in a text, those in braces written out: `use a::{b, c::d};` names `a::b` and `a::c::d`.
pub(crate) fn paths(text: &str) -> Vec<Vec<String>> {
    let words = words(text);
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(word) = words.get(at) {
        let begins = words.get(at + 1).is_some_and(|next| next == "::");
        let used = at > 0 && words[at - 1] == "use";
        at =
            if is_name(word) && (begins || used) { path(&words, at, Vec::new(), &mut found) } else { at + 1 };
    }
    found
}

/// Reads the path at `at`, behind what stands in front of its braces, and returns where it ends.
fn path(words: &[String], mut at: usize, mut parts: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    while is_name(word(at)) {
        parts.push(word(at).to_owned());
        at += 1;
        if word(at) != "::" {
            break;
        }
        at += 1;
    }
    if word(at) != "{" || word(at.saturating_sub(1)) != "::" {
        found.push(parts);
        return at;
    }
    at += 1;
    while !matches!(word(at), "}" | "") {
        at = if is_name(word(at)) { path(words, at, parts.clone(), found) } else { at + 1 };
        // What follows, up to the comma, is another name for it.
        while !matches!(word(at), "," | "}" | "") {
            at += 1;
        }
        at += usize::from(word(at) == ",");
    }
    at + 1
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The words and signs of a text, without comments, strings and characters.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let silent =
            comment(rest).or_else(|| raw_string(rest)).or_else(|| string(rest)).or_else(|| character(rest));
        let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match silent {
            Some(length) => length,
            None if name > 0 => name,
            None if rest.starts_with("::") => 2,
            None => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if silent.is_none() && !first.is_whitespace() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.starts_with("/*").then(|| text.find("*/").map_or(text.len(), |end| end + 2))
}

fn raw_string(text: &str) -> Option<usize> {
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let inner = raw.split_at(hashes).1.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(text.len() - inner.len() + length)
}

fn string(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix('"')?.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => drop(rest.next()),
            '"' => break,
            _ => {}
        }
    }
    Some(text.len() - rest.as_str().len())
}

/// A character, or the sign of a lifetime.
fn character(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\'')?;
    let mut inner = rest.chars();
    let end = match inner.next()? {
        '\\' => rest.split_at(2).1.find('\'').map(|at| at + 2),
        first => (inner.next() == Some('\'')).then(|| first.len_utf8()),
    };
    Some(end.map_or(1, |end| end + 2))
}
