//! The end of a token before its time.

use super::kept::{Update, child_key, removal};
use super::{Tokens, TokensError};
use crate::core::client_token::{ClientToken, TokenDigest};
use crate::ports::store::{Change, Expect};

/// How many children are looked at at once.
const PAGE: usize = 64;

impl Tokens {
    /// Takes a service token away, and with it all that descend from it: they are not good from that moment on, and
    /// the collector removes them. False where there is no such token. When this returns, it is durable.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn revoke(&self, digest: &TokenDigest) -> Result<bool, TokensError> {
        let has_children = self.has_children(digest).await?;
        let revoked = self
            .update(digest, None, |record| {
                Some(Update { record: None, more: removal(digest, record, has_children) })
            })
            .await?;
        if has_children {
            self.wake.notify_one();
        }
        Ok(revoked.is_some())
    }

    /// Takes a service token away and lets its children live on as orphans. False where there is no such token.
    ///
    /// # Errors
    /// Where the store fails; some of the children may be orphans then, and the token is still there.
    pub async fn revoke_orphan(&self, digest: &TokenDigest) -> Result<bool, TokensError> {
        let Some(kept) = self.kept(digest).await? else { return Ok(false) };
        loop {
            let children = self.children(digest, PAGE).await?;
            if children.is_empty() {
                break;
            }
            for child in children {
                self.orphan(digest, &kept.record.accessor, &child).await?;
            }
        }
        self.revoke(digest).await
    }

    /// Makes a child an orphan. Whatever happens, it is not among the parent's children afterwards.
    async fn orphan(
        &self,
        parent: &TokenDigest,
        accessor: &str,
        child: &TokenDigest,
    ) -> Result<(), TokensError> {
        let link = Change::delete(child_key(parent, child), Expect::Any);
        let orphaned = self
            .update(child, None, |record| {
                let is_its =
                    record.parent.as_ref().is_some_and(|of| of.digest == *parent && of.accessor == accessor);
                let record = ClientToken { parent: None, ..record.clone() };
                is_its.then(|| Update { record: Some(record), more: vec![link.clone()] })
            })
            .await?;
        if orphaned.is_none() {
            self.world.store.commit(vec![link]).await?;
        }
        Ok(())
    }
}
