//! What a review is remembered under: a digest, so that no token is kept.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 over mount, generation, token and audiences, each with its length, so that no two questions share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewKey([u8; 32]);

impl ReviewKey {
    /// The key of a question; the audiences sorted and none twice.
    pub fn of(mount: &str, generation: u64, token: &str, audiences: &[&str]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(&generation.to_be_bytes());
        for text in [mount, token].into_iter().chain(audiences.iter().copied()) {
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        let mut key = [0; 32];
        // SHA-256 fills it exactly.
        key.iter_mut().zip(digest.finish().as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self(key)
    }
}

impl std::hash::Hash for ReviewKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // Eight bytes of a digest are random enough for a table.
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ReviewKey;

    #[test]
    fn every_part_of_the_question_counts_and_none_runs_into_the_next() {
        let questions: [(&str, u64, &str, &[&str]); 9] = [
            ("kubernetes", 1, "token", &["a", "b"]),
            ("kubernetes", 2, "token", &["a", "b"]),
            ("kubernete", 1, "stoken", &["a", "b"]),
            ("kubernetes", 1, "tokena", &["b"]),
            ("kubernetes", 1, "token", &["ab"]),
            ("kubernetes", 1, "token", &["a", "b", ""]),
            ("kubernetes", 1, "token", &["a"]),
            ("kubernetes", 1, "token", &[]),
            ("kubernetes", 1, "token", &[""]),
        ];
        let keys: HashSet<ReviewKey> = questions
            .iter()
            .map(|(mount, set, token, asked)| ReviewKey::of(mount, *set, token, asked))
            .collect();
        assert_eq!(keys.len(), questions.len());
        assert!(keys.contains(&ReviewKey::of("kubernetes", 1, "token", &["a", "b"])));
    }
}
