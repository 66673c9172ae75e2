//! Making a token.

use std::collections::BTreeMap;

use super::kept::{accessor_key, child_key, expiry_key, mark, token_key};
use super::{BATCH_PREFIX, MAX_ANCESTORS, MAX_TOKEN_LEN, Tokens, TokensError, random};
use crate::core::cidr::BoundCidr;
use crate::core::client_token::{ClientToken, Login, Parent, TokenDigest, TokenKind};
use crate::core::secret::Secret;
use crate::ports::store::{Change, Expect, StoreError};

/// A token to be. How long it may live is decided before.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Service or batch.
    pub kind: TokenKind,
    /// Its text, where the caller chose one; service tokens alone.
    pub id: Option<Secret>,
    /// The token that it lives and dies with.
    pub parent: Option<Parent>,
    /// Lower case, unique, sorted.
    pub policies: Vec<String>,
    /// The path that makes it.
    pub path: String,
    /// Metadata; that of a login follows from `login`.
    pub meta: Option<BTreeMap<String, String>>,
    /// What audit calls its holder.
    pub display_name: String,
    /// 0: any number.
    pub num_uses: i64,
    /// Seconds; 0: for ever, for a service token alone.
    pub ttl: i64,
    /// Seconds; 0: none.
    pub explicit_max_ttl: i64,
    /// Seconds; 0: not periodic.
    pub period: i64,
    /// Empty: none.
    pub entity_id: String,
    /// Whether it may be renewed; a batch token never may.
    pub renewable: bool,
    /// Where its peers must be; none: anywhere.
    pub bound_cidrs: Vec<BoundCidr>,
    /// The login that it is for.
    pub login: Option<Login>,
}

/// A token that was made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The token itself. It is kept nowhere.
    pub token: Secret,
    /// Its record.
    pub record: ClientToken,
}

impl Tokens {
    /// Makes a token. When this returns, a service token is kept whole: by its digest, its accessor, its parent and
    /// its expiry. Of a batch token nothing is kept.
    ///
    /// A parent that goes at the same moment takes the token along: it is never found good.
    ///
    /// # Errors
    /// Where its text is taken, its parent is not good, or the store fails.
    pub async fn issue(&self, new: NewToken) -> Result<Issued, TokensError> {
        self.issue_with(new, |_| vec![]).await
    }

    /// The same, with `more` in the commit of a service token.
    pub(super) async fn issue_with(
        &self,
        new: NewToken,
        more: impl FnOnce(&TokenDigest) -> Vec<Change> + Send,
    ) -> Result<Issued, TokensError> {
        if let Some(parent) = &new.parent {
            let kept = self.kept(&parent.digest).await?;
            let kept = kept.filter(|kept| kept.record.accessor == parent.accessor);
            let above = match kept {
                Some(kept) => self.ancestors(&kept.record).await?,
                None => None,
            };
            if above.ok_or(TokensError::ParentGone)? >= MAX_ANCESTORS {
                return Err(TokensError::TooDeep);
            }
        }
        let id = new.id.clone();
        match new.kind {
            TokenKind::Batch => {
                let record = self.record(new, String::new());
                let token = self.seal(&record).await?;
                Ok(Issued { token, record })
            }
            TokenKind::Service => {
                let moment = self.moment();
                let accessor = random::accessor(&*self.world.random, moment)?;
                let record = self.record(new, accessor);
                let token = match id {
                    Some(id) => self.free(id).await?,
                    None => random::service_token(&*self.world.random, moment)?,
                };
                let more = more(&TokenDigest::of(token.expose()));
                self.keep(&token, &record, more).await?;
                Ok(Issued { token, record })
            }
        }
    }

    fn record(&self, new: NewToken, accessor: String) -> ClientToken {
        let created = self.now();
        let is_batch = new.kind == TokenKind::Batch;
        let ttl = new.ttl.max(0);
        let expires = (ttl > 0 || is_batch).then(|| created.saturating_add(ttl));
        ClientToken {
            kind: new.kind,
            accessor,
            parent: new.parent,
            policies: new.policies,
            path: new.path,
            meta: new.meta,
            display_name: new.display_name,
            num_uses: new.num_uses,
            created,
            creation_ttl: ttl,
            expires,
            explicit_max_ttl: new.explicit_max_ttl,
            period: new.period,
            entity_id: new.entity_id,
            renewable: new.renewable && !is_batch,
            bound_cidrs: new.bound_cidrs,
            last_renewal: None,
            indexed: expires.filter(|_| !is_batch),
            login: new.login,
        }
    }

    /// A text that a caller chose, when nothing is left of an earlier token with it.
    async fn free(&self, id: Secret) -> Result<Secret, TokensError> {
        if !is_fit(id.expose()) {
            return Err(TokensError::Unfit);
        }
        let digest = TokenDigest::of(id.expose());
        if self.kept(&digest).await?.is_none() {
            self.purge(digest).await?;
        }
        Ok(id)
    }

    /// Writes all entries of a new token, and `more`, in one commit.
    pub(super) async fn keep(
        &self,
        token: &Secret,
        record: &ClientToken,
        more: Vec<Change>,
    ) -> Result<(), TokensError> {
        let digest = TokenDigest::of(token.expose());
        let mut changes = more;
        changes.push(Change::put(token_key(&digest), Expect::Absent, record.to_bytes()));
        changes.push(Change::put(accessor_key(&record.accessor), Expect::Absent, digest.0));
        if let Some(parent) = &record.parent {
            changes.push(mark(child_key(&parent.digest, &digest), Expect::Any));
        }
        if let Some(expires) = record.indexed {
            changes.push(mark(expiry_key(expires, &digest), Expect::Any));
        }
        self.world.store.commit(changes).await.map_err(|error| match error {
            StoreError::Conflict => TokensError::Taken,
            error => error.into(),
        })
    }
}

/// Whether a service token may have this text, given by somebody: visible characters that a header carries, and none
/// of our own prefixes' for batch tokens.
pub(super) fn is_fit(token: &str) -> bool {
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    visible && !token.is_empty() && token.len() <= MAX_TOKEN_LEN && !token.starts_with(BATCH_PREFIX)
}
