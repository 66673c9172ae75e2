//! A longer life, or a shorter one.

use super::kept::{Update, expiry_key, mark};
use super::{Tokens, TokensError};
use crate::core::client_token::{ClientToken, TokenDigest};
use crate::ports::store::{Change, Expect};

impl Tokens {
    /// Lets a service token live for `ttl` seconds from now on. Writes its record alone, unless that is sooner than its
    /// entry in the index comes up. None where the token is not good any more or never expires.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn renew(&self, digest: &TokenDigest, ttl: i64) -> Result<Option<ClientToken>, TokensError> {
        let now = self.now();
        self.update(digest, None, |record| {
            if !record.is_good(now) || record.expires.is_none() {
                return None;
            }
            let expires = now.saturating_add(ttl.max(0));
            let mut renewed =
                ClientToken { expires: Some(expires), last_renewal: Some(now), ..record.clone() };
            let mut more = vec![];
            if let Some(indexed) = record.indexed.filter(|indexed| *indexed > expires) {
                more.push(Change::delete(expiry_key(indexed, digest), Expect::Any));
                more.push(mark(expiry_key(expires, digest), Expect::Any));
                renewed.indexed = Some(expires);
            }
            Some(Update { record: Some(renewed), more })
        })
        .await
    }
}
