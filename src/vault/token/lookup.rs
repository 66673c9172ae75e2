//! `lookup`, `lookup-self` and `lookup-accessor`.

use super::super::outcome::{Answer, Class, Refusal};
use super::answer::looked_up;
use super::refusal::{of_tokens, text, unknown_accessor};
use super::{Caller, TokenPaths};
use crate::core::fields::Fields;

impl TokenPaths<'_> {
    pub(super) async fn lookup(&self, caller: Caller<'_>, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let token = text(fields, "token")?.filter(|token| token != caller.token.expose());
        let Some(token) = token else { return Ok(self.lookup_self(caller)) };
        let found = self.tokens.find(&token).await.map_err(of_tokens)?;
        let found = found.ok_or_else(|| Refusal::new(Class::Denied, "bad token"))?;
        Ok(looked_up(&found.record, &token, self.tokens.now()))
    }

    /// Shows the caller's token as it is after this use.
    pub(super) fn lookup_self(&self, caller: Caller<'_>) -> Answer {
        looked_up(caller.record(), caller.token.expose(), self.tokens.now())
    }

    pub(super) async fn lookup_accessor(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let found = self.by_accessor(fields).await?.ok_or_else(unknown_accessor)?;
        Ok(looked_up(&found.record, "", self.tokens.now()))
    }
}
