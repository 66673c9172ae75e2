//! Tokens that may be used so many times and no more.

use super::kept::{Kept, Update};
use super::{Found, Tokens, TokensError};
use crate::core::client_token::{ClientToken, TokenKind, USED_UP};

/// A use of a token, for one request.
#[derive(Debug, Clone)]
pub struct Used {
    /// The token after this use: `num_uses` is what is left, and -1 in the last use.
    pub found: Found,
    /// This was the last use. The token is no longer found; [`Tokens::finish`] takes it away after the request.
    pub is_last: bool,
}

impl Tokens {
    /// Finds a token and takes one of its uses, if they are counted: one read, and one write where they are.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn use_once(&self, token: &str) -> Result<Option<Used>, TokensError> {
        match self.find(token).await? {
            Some(found) => self.use_found(found).await,
            None => Ok(None),
        }
    }

    /// Takes one use of a token that was found; none where others have taken the last.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn use_found(&self, found: Found) -> Result<Option<Used>, TokensError> {
        if found.record.num_uses == 0 || found.record.kind == TokenKind::Batch {
            return Ok(Some(Used { found, is_last: false }));
        }
        let Found { digest, record, version } = found;
        let known = version.map(|version| Kept { version, record });
        let used = self
            .update(&digest, known, |record| {
                let num_uses = match record.num_uses {
                    ..=0 => return None,
                    1 => USED_UP,
                    uses => uses - 1,
                };
                Some(Update { record: Some(ClientToken { num_uses, ..record.clone() }), more: vec![] })
            })
            .await?;
        Ok(used.map(|record| {
            let is_last = record.num_uses == USED_UP;
            Used { found: Found { digest, record, version: None }, is_last }
        }))
    }

    /// After the request: takes the token away if this was its last use.
    ///
    /// # Errors
    /// Where the store fails. The token is of no use anyway, and goes when it expires.
    pub async fn finish(&self, used: &Used) -> Result<(), TokensError> {
        if used.is_last {
            self.revoke(&used.found.digest).await?;
        }
        Ok(())
    }
}
