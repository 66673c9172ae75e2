//! `revoke`, `revoke-self`, `revoke-orphan` and `revoke-accessor`.

use super::super::outcome::{Answer, Refusal};
use super::refusal::{invalid, of_tokens, text};
use super::{Caller, TokenPaths};
use crate::core::client_token::{BATCH_PREFIX, TokenDigest, TokenKind};
use crate::core::fields::Fields;

impl TokenPaths<'_> {
    pub(super) async fn revoke(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let token = text(fields, "token")?.ok_or_else(missing)?;
        self.unless_batch(&token).await?;
        // One that is not good any more is taken away as well.
        self.end(&TokenDigest::of(&token)).await
    }

    pub(super) async fn revoke_self(&self, caller: Caller<'_>) -> Result<Answer, Refusal> {
        if caller.record().kind == TokenKind::Batch {
            return Err(batch());
        }
        self.end(&caller.used.found.digest).await
    }

    pub(super) async fn revoke_accessor(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        match self.by_accessor(fields).await? {
            Some(found) => self.end(&found.digest).await,
            None => Ok(Answer {
                warnings: vec!["No token found with this accessor".to_owned()],
                ..Answer::default()
            }),
        }
    }

    pub(super) async fn revoke_orphan(
        &self,
        caller: Caller<'_>,
        fields: Fields<'_>,
    ) -> Result<Answer, Refusal> {
        let token = text(fields, "token")?.ok_or_else(missing)?;
        if !caller.is_sudo {
            return Err(invalid("root or sudo privileges required to revoke and orphan"));
        }
        self.unless_batch(&token).await?;
        let revoked = self.tokens.revoke_orphan(&TokenDigest::of(&token)).await.map_err(of_tokens)?;
        if revoked { Ok(Answer::default()) } else { Err(invalid("token to revoke not found")) }
    }

    async fn end(&self, digest: &TokenDigest) -> Result<Answer, Refusal> {
        self.tokens.revoke(digest).await.map_err(of_tokens)?;
        Ok(Answer::default())
    }

    async fn unless_batch(&self, token: &str) -> Result<(), Refusal> {
        let is_batch = token.starts_with(BATCH_PREFIX);
        if is_batch && self.tokens.find(token).await.map_err(of_tokens)?.is_some() {
            return Err(batch());
        }
        Ok(())
    }
}

fn missing() -> Refusal {
    invalid("missing token ID")
}

fn batch() -> Refusal {
    invalid("batch tokens cannot be revoked")
}
