//! Text that must not be shown.

/// A secret, such as a token or a key; `Debug` shows that it is there and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes the text out, for the one place that sends or checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// How client tokens begin, and the longest text that is taken for a name.
const TOKENS: [&str; 4] = ["hvs.", "hvb.", "s.", "b."];
const LONGEST_NAME: usize = 64;

/// Whether what stands in the place of a name may be a token: callers put them into wrong places.
pub fn may_be_one(text: &str) -> bool {
    text.len() > LONGEST_NAME || (text.len() > 16 && TOKENS.iter().any(|token| text.starts_with(token)))
}

/// Whether a word looks like a service-account token or a client token, wherever it stands. Unlike [`may_be_one`], long names
/// and names that begin with `s.` or `b.` do not: Kubernetes' names have no capitals.
pub fn looks_like_token(word: &str) -> bool {
    word.split(['=', '/', '+', '~']).any(|part| {
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| part.starts_with(beginning));
        (part.len() > 16 && begins(&["hvs.", "hvb.", "eyJ"]))
            || (part.len() > 24 && begins(&["s.", "b."]) && part.contains(|c: char| c.is_ascii_uppercase()))
    })
}

/// What stands in the place of a name as the log shows it.
pub fn shown(text: &str) -> &str {
    if may_be_one(text) { "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Secret, may_be_one};

    #[test]
    fn tokens_and_long_texts_are_taken_for_secrets_and_names_are_not() {
        for (text, expected) in [
            ("orders".to_owned(), false),
            ("s.orders".to_owned(), false),
            ("n".repeat(64), false),
            ("n".repeat(65), true),
            ("hvs.AAAAAAAAAAAAA".to_owned(), true),
            ("b.AAAAAAAAAAAAAAA".to_owned(), true),
        ] {
            assert_eq!(may_be_one(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let shown = format!(
            "{:?} {:#?}",
            Secret::from("hunter2".to_owned()),
            Some(Secret::from("hunter2".to_owned()))
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
