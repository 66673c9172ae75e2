//! Response wrapping: an answer is kept under a token that gives it out once.

use super::issue::NewToken;
use super::kept::{Update, removal, wrapped_key};
use super::{Found, Issued, Tokens, TokensError};
use crate::core::client_token::{TokenDigest, TokenKind, WRAPPING_POLICY};
use crate::core::secret::Secret;
use crate::ports::store::{Change, Expect};

impl Tokens {
    /// Keeps an answer for `ttl` seconds under a token of its own. `creation_path` is the path that gave the answer.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn wrap(&self, answer: &Secret, creation_path: &str, ttl: i64) -> Result<Issued, TokensError> {
        let new = NewToken {
            kind: TokenKind::Service,
            id: None,
            parent: None,
            policies: vec![WRAPPING_POLICY.to_owned()],
            path: creation_path.to_owned(),
            meta: None,
            display_name: "token".to_owned(),
            num_uses: 1,
            // One without an end would be kept for ever.
            ttl: ttl.max(1),
            explicit_max_ttl: ttl.max(1),
            period: 0,
            entity_id: String::new(),
            renewable: false,
            bound_cidrs: vec![],
            login: None,
        };
        self.issue_with(new, |digest| {
            vec![Change::put(wrapped_key(digest), Expect::Absent, answer.expose().as_bytes())]
        })
        .await
    }

    /// The wrapping token with this text, not used by this: its record tells path, time and life of what it holds.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find_wrapping(&self, token: &str) -> Result<Option<Found>, TokensError> {
        Ok(self.find(token).await?.filter(|found| found.record.is_wrapping()))
    }

    /// Gives out what a wrapping token holds, once, however many ask at the same moment; it is gone from the store when
    /// this returns. Its use by the request that asks for it does not count against it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn unwrap(&self, token: &str) -> Result<Option<Secret>, TokensError> {
        let digest = TokenDigest::of(token);
        let now = self.now();
        let Some(entry) = self.world.store.get(&wrapped_key(&digest)).await? else { return Ok(None) };
        let unwrapped = self
            .update(&digest, None, |record| {
                let is_good = record.is_wrapping() && !record.is_expired(now);
                is_good.then(|| Update { record: None, more: removal(&digest, record, false) })
            })
            .await?;
        let answer = unwrapped.and_then(|_| String::from_utf8(entry.value.to_vec()).ok());
        Ok(answer.map(Secret::from))
    }
}
