//! `path_prefix` of a route.

use super::text::text;
use crate::core::path;

text!(
    /// A decoded path that begins with `/` and has one reading, itself.
    PathPrefix,
    path_prefix,
    String
);

fn path_prefix(text: String) -> Result<String, String> {
    match demand(&text) {
        None => Ok(text),
        Some(demand) => Err(format!("expected a path that {demand}")),
    }
}

/// What a prefix lacks that requests could match, as the end of a sentence.
fn demand(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if !trimmed.starts_with('/') {
        return Some("begins with `/`, such as `/orders`".to_owned());
    }
    if trimmed != text {
        return Some(format!("has no blanks at its ends: write `{trimmed}`"));
    }
    if text.contains(char::is_control) {
        return Some("has no control characters".to_owned());
    }
    if let Some(literal) = before_pattern(text) {
        return Some(format!(
            "has no `*` or `{{…}}`: a prefix is no pattern and matches all paths below it, so write `{literal}`"
        ));
    }
    if let Some(mark) = text.chars().find(|mark| matches!(mark, '?' | '#')) {
        let path = text.split(mark).next().unwrap_or_default();
        return Some(format!("has no `{mark}`, at which the path of a request ends: write `{path}`"));
    }
    if let Some(mark) = text.chars().find(|mark| matches!(mark, ';' | '\\')) {
        return Some(format!("has no `{mark}`, which not every upstream takes for a part of the path"));
    }
    if path::is_escaped(text.as_bytes()) {
        return Some(match String::from_utf8(path::decoded(text.as_bytes())) {
            // Not more than once: a text may be escaped as often as it is long.
            Ok(decoded) if !path::is_escaped(decoded.as_bytes()) && demand(&decoded).is_none() => {
                format!("is decoded, without escapes: write `{decoded}`")
            }
            _ => "is decoded, without escapes, which stand here for what no prefix may hold".to_owned(),
        });
    }
    if text.contains("//") || text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("has no `//`, `/.` or `/..`: write the path that it resolves to".to_owned());
    }
    None
}

/// The whole segments before a pattern, if there is one.
fn before_pattern(text: &str) -> Option<&str> {
    let brace = || text.find('{').filter(|at| text.split_at(*at).1.contains('}'));
    let at = [text.find('*'), brace()].into_iter().flatten().min()?;
    let whole = text.split_at(at).0.rsplit_once('/').map_or("", |(whole, _)| whole);
    Some(if whole.is_empty() { "/" } else { whole })
}

#[cfg(test)]
mod tests {
    use super::PathPrefix;
    use crate::core::path;

    fn told(text: &str) -> String {
        PathPrefix::try_from(text.to_owned()).expect_err(text)
    }

    #[test]
    fn a_prefix_that_no_request_could_match_is_refused_with_what_to_write() {
        for (text, expected) in [
            ("", "begins with `/`"),
            ("orders", "begins with `/`"),
            ("*", "begins with `/`"),
            ("http://shop/orders", "begins with `/`"),
            (" /orders", "write `/orders`"),
            ("/orders\u{a0}\n", "write `/orders`"),
            ("/a\tb", "no control characters"),
            ("/a\0", "no control characters"),
            ("/orders/*", "write `/orders`"),
            ("/orders/**/pay", "write `/orders`"),
            ("/*", "write `/`"),
            ("/orders*", "write `/`"),
            ("/orders/{id}/pay", "write `/orders`"),
            ("/a/{id}/*", "write `/a`"),
            ("/a/v{major}.*", "write `/a`"),
            ("/caf%C3%A9", "write `/café`"),
            ("/%61dmin", "write `/admin`"),
            ("/my%20files", "write `/my files`"),
            ("/100%25", "write `/100%`"),
            ("/a%2Fb", "write `/a/b`"),
            ("/%2541", "without escapes"),
            ("/a%3Bb", "without escapes"),
            ("/a%00", "without escapes"),
            ("/a%20", "without escapes"),
            ("/%ff", "without escapes"),
            ("/%2e%2e/b", "without escapes"),
            ("/a?b=c", "no `?`, at which the path of a request ends: write `/a`"),
            ("/a#b", "write `/a`"),
            ("/a;v=1", "no `;`"),
            (r"/a\b", r"no `\`"),
            ("//", "no `//`"),
            ("/a//b", "no `//`"),
            ("/a/./b", "no `//`, `/.` or `/..`"),
            ("/a/..", "no `//`, `/.` or `/..`"),
        ] {
            let told = told(text);
            assert!(told.starts_with("expected a path that "), "{text:?}: {told}");
            assert!(told.contains(expected), "{text:?}: {told}");
        }
    }

    #[test]
    fn a_prefix_is_a_decoded_path_with_one_reading() {
        for text in [
            "/",
            "/orders",
            "/orders/",
            "/café",
            "/my files/a",
            "/@scope/a:b=c,d",
            "/100%",
            "/a{",
            "/}{",
            "/:id",
            "/...",
            "/.well-known",
            "/%zz",
            "/a+b&c",
            "/日本",
            "/[a]|\"<>^`",
        ] {
            let prefix = PathPrefix::try_from(text.to_owned()).unwrap();
            assert_eq!(prefix.as_str(), text);
            let mut readings = 0;
            assert_eq!(path::agreed(text.as_bytes(), |_| readings += 1), Some(()));
            assert_eq!(readings, 1, "{text}");
        }
    }
}
