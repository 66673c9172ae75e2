//! Vault's globs: `*` stands for any run of characters, everything else for itself.

/// Whether the whole of `text` fits `pattern`, with case. The empty pattern fits the empty text alone.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else { return first == text };
    let Some(mut rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// Whether any of the patterns fits.
pub fn any_fits(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fits;

    /// Slow and obvious: `*` takes nothing, or one character and is asked again.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], []) => model(rest, &[]),
            (['*', rest @ ..], [_, tail @ ..]) => model(rest, text) || model(pattern, tail),
            ([a, rest @ ..], [b, tail @ ..]) => a == b && model(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_glob_fits_what_the_obvious_model_fits(pattern in "[ab*é]{0,8}", text in "[abé]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(fits(&pattern, &text), model(&p, &t));
        }
    }

    #[test]
    fn nothing_but_the_star_is_special() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("vault-*", "vault-auth", true),
            ("*-auth", "vault-auth", true),
            ("v*t*h", "vault-auth", true),
            ("vault-aut?", "vault-auth", false),
            ("[v]ault", "vault", false),
            ("VAULT", "vault", false),
            ("a*a", "a", false),
            ("**", "x", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(fits(pattern, text), expected, "`{pattern}` on `{text}`");
        }
    }
}
