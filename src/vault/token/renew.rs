//! `renew`, `renew-self` and `renew-accessor`.

use super::super::call::of_field;
use super::super::outcome::{Answer, Class, Refusal};
use super::answer::auth;
use super::refusal::{invalid, of_tokens, text, unknown_accessor};
use super::{Caller, TokenPaths};
use crate::core::client_token::lease::LeaseTerms;
use crate::core::client_token::{ClientToken, TokenKind};
use crate::core::fields::Fields;
use crate::core::secret::Secret;
use crate::tokens::Found;

impl TokenPaths<'_> {
    pub(super) async fn renew(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let increment = increment(fields)?;
        let token = text(fields, "token")?.ok_or_else(|| invalid("missing token ID"))?;
        let found = self.tokens.find(&token).await.map_err(of_tokens)?.ok_or_else(not_found)?;
        self.renewed(&found, Secret::from(token), increment).await
    }

    pub(super) async fn renew_self(&self, caller: Caller<'_>, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let increment = increment(fields)?;
        if caller.used.is_last {
            return Err(not_found());
        }
        self.renewed(&caller.used.found, caller.token.clone(), increment).await
    }

    pub(super) async fn renew_accessor(&self, fields: Fields<'_>) -> Result<Answer, Refusal> {
        let increment = increment(fields)?;
        let found = self.by_accessor(fields).await?.ok_or_else(unknown_accessor)?;
        self.renewed(&found, Secret::from(String::new()), increment).await
    }

    async fn renewed(&self, found: &Found, token: Secret, increment: i64) -> Result<Answer, Refusal> {
        let record = &found.record;
        if record.kind == TokenKind::Batch {
            return Err(invalid("batch tokens cannot be renewed"));
        }
        if !record.renewable || record.expires.is_none() {
            return Err(invalid("lease is not renewable"));
        }
        let terms = self.terms(record).await?;
        let lease = terms
            .lease(increment, record.created, self.tokens.now())
            .map_err(|past| Refusal::new(Class::Internal, past.to_string()).listed())?;
        let renewed = self.tokens.renew(&found.digest, lease.ttl).await.map_err(of_tokens)?;
        Ok(auth(renewed.ok_or_else(not_found)?, token, lease.ttl, lease.warnings))
    }

    /// What a renewal may give: what the login's role says now, or what the token was created with.
    async fn terms(&self, record: &ClientToken) -> Result<LeaseTerms, Refusal> {
        let terms = match &record.login {
            Some(login) => self.logins.terms(login, record.created)?,
            None => {
                let mount = self.tokens.mount().await.map_err(of_tokens)?.about;
                LeaseTerms {
                    period: record.period,
                    ttl: record.last_ttl(),
                    mount_default: mount.default_lease(),
                    mount_max: mount.max_lease(),
                    ..LeaseTerms::default()
                }
            }
        };
        Ok(LeaseTerms { explicit_max_ttl: record.explicit_max_ttl, ..terms })
    }
}

/// For how long the caller wants it, which is read before anything is looked for.
fn increment(fields: Fields<'_>) -> Result<i64, Refusal> {
    Ok(fields.seconds("increment").map_err(|error| of_field(&error))?.unwrap_or_default())
}

fn not_found() -> Refusal {
    invalid("token not found")
}
