//! Text of strangers as logs and records may show it: bounded, escaped, and without tokens.

use crate::core::secret;

/// The longest text of one check, in bytes, without what marks that it was cut.
const MAX_SHOWN_BYTES: usize = 512;

/// What stands for the rest of a text that was cut, and for a token.
const ELLIPSIS: char = '…';

/// A text, cut at 512 bytes. Letters, digits, ASCII punctuation and blanks stand as they are; every other character, and the
/// backslash, is escaped as in Rust. A word that may be a token is left out.
pub fn shown(text: &str) -> String {
    let mut out = Shown::default();
    out.push(text);
    out.text
}

/// Several texts with `, ` between, cut as one text is.
pub fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut out = Shown::default();
    for (number, text) in texts.into_iter().enumerate() {
        if number > 0 {
            out.push(", ");
        }
        out.push(text.as_ref());
        if out.full {
            break;
        }
    }
    out.text
}

#[derive(Default)]
struct Shown {
    text: String,
    full: bool,
}

impl Shown {
    fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() && !self.full {
            let end = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if secret::looks_like_token(word) {
                self.text.push(ELLIPSIS);
            } else {
                word.chars().for_each(|c| self.push_char(c));
            }
            let mut behind = behind.chars();
            if let Some(c) = behind.next() {
                self.push_char(c);
            }
            rest = behind.as_str();
        }
    }

    fn push_char(&mut self, c: char) {
        if self.full {
            return;
        }
        if self.text.len() >= MAX_SHOWN_BYTES {
            self.text.push(ELLIPSIS);
            self.full = true;
        } else if c != '\\' && (c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()) {
            self.text.push(c);
        } else {
            self.text.extend(c.escape_default());
        }
    }
}

/// The characters of a token (RFC 9110 section 11.2, `token68`).
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{list, shown};

    #[test]
    fn texts_are_escaped_and_words_that_may_be_tokens_are_left_out() {
        for (text, expected) in [
            ("shop", "shop"),
            ("", ""),
            ("a b, \"c\"", "a b, \"c\""),
            ("é本", "é本"),
            ("a\nb\u{1b}[31m", "a\\nb\\u{1b}[31m"),
            ("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}"),
            ("a\\n", "a\\\\n"),
            ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "Bearer …"),
            ("hvs.AAAAAAAAAAAAAAAAAAAA", "…"),
            ("a=hvb.AAAAAAAAAAAAAAAAAAAA", "…"),
            ("s.orders-of-the-shop-with-a-long-name", "s.orders-of-the-shop-with-a-long-name"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_texts_and_long_lists_are_cut() {
        assert_eq!(shown(&"a".repeat(100_000)), format!("{}…", "a".repeat(512)));
        let many = list(std::iter::repeat_n("orders", 10_000));
        assert!(many.starts_with("orders, orders") && many.ends_with('…') && many.len() < 600, "{many}");
        assert_eq!(list(["a", "b"]), "a, b");
        assert_eq!(list([""; 0]), "");
    }

    proptest! {
        #[test]
        fn no_text_is_shown_longer_or_with_control_characters(text in "\\PC{0,40}", raw in any::<String>()) {
            for text in [text, raw.repeat(20)] {
                let out = shown(&text);
                prop_assert!(out.len() < 540 && !out.contains(char::is_control), "{out:?}");
            }
        }
    }
}
