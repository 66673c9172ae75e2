//! `accessors`, listed in pages of the store, and `tidy`.

use serde_json::{Map, Value};

use super::super::call::of_field;
use super::super::outcome::{Answer, Refusal};
use super::TokenPaths;
use super::refusal::{of_tokens, text};
use crate::core::fields::Fields;

/// The most accessors of one answer.
const MAX_LISTED: usize = 100_000;

/// How many are read from the store at once.
const PAGE: usize = 1000;

impl TokenPaths<'_> {
    pub(super) async fn accessors(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let mut after = text(fields, "after")?;
        let limit = fields.integer("limit").map_err(|error| of_field(&error))?.unwrap_or_default();
        let limit = usize::try_from(limit).ok().filter(|limit| (1..MAX_LISTED).contains(limit));
        let is_cut = limit.is_none();
        let mut left = limit.unwrap_or(MAX_LISTED);
        let mut keys: Vec<Value> = Vec::new();
        while left > 0 {
            let asked = left.min(PAGE);
            let page = self.tokens.accessors(after.as_deref(), asked).await.map_err(of_tokens)?;
            let is_last = page.len() < asked;
            left -= page.len();
            keys.extend(page.iter().cloned().map(Value::String));
            after = page.into_iter().next_back().or(after);
            if is_last {
                break;
            }
        }
        if keys.is_empty() {
            return Ok(Answer::default());
        }
        let mut answer = Answer::default();
        if is_cut && left == 0 {
            answer
                .warnings
                .push(format!("only the first {MAX_LISTED} are listed; ask for those `after` the last"));
        }
        answer.data = Some(Map::from_iter([("keys".to_owned(), Value::Array(keys))]));
        Ok(answer)
    }

    pub(super) fn tidy(&self) -> Answer {
        self.tokens.tidy();
        let warning = "Tidy operation successfully started. Any information from the operation will be printed to \
                       Vault's server logs.";
        Answer { warnings: vec![warning.to_owned()], goes_on: true, ..Answer::default() }
    }
}
