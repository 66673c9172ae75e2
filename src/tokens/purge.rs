//! Removal of what descends from a token that is gone.

use super::kept::{child_key, removal, token_key};
use super::{MAX_ANCESTORS, Tokens, TokensError};
use crate::core::client_token::TokenDigest;
use crate::ports::store::{Change, Expect, StoreError};

/// How many children are looked at at once.
const PAGE: usize = 64;

impl Tokens {
    /// Removes all that descend from a token that is not there, from the leaves up, so that whoever breaks off leaves
    /// nothing that cannot be found again. Does nothing where the token is there.
    pub(super) async fn purge(&self, gone: TokenDigest) -> Result<(), TokensError> {
        let mut path = vec![gone];
        while let Some(parent) = path.last().copied() {
            // Somebody may have chosen the same text for a new token.
            if parent == gone && self.kept(&gone).await?.is_some() {
                return Ok(());
            }
            let children = self.children(&parent, PAGE).await?;
            if children.is_empty() {
                path.pop();
                if let Some(above) = path.last().copied() {
                    self.remove_children(above, &[parent]).await?;
                }
                continue;
            }
            let mut leaves = Vec::new();
            let mut deeper = None;
            for child in children {
                let is_new = path.len() <= MAX_ANCESTORS && !path.contains(&child);
                if is_new && self.has_children(&child).await? && self.is_below(&parent, &child).await? {
                    deeper = Some(child);
                    break;
                }
                leaves.push(child);
            }
            self.remove_children(parent, &leaves).await?;
            path.extend(deeper);
        }
        Ok(())
    }

    /// Whether a linked child is one: it has gone itself, or names the parent. Otherwise the link is a left-over.
    async fn is_below(&self, parent: &TokenDigest, child: &TokenDigest) -> Result<bool, TokensError> {
        let kept = self.kept(child).await?;
        Ok(kept.is_none_or(|kept| kept.record.parent.is_some_and(|of| of.digest == *parent)))
    }

    /// Removes children of a token in one commit, or one by one where somebody else is at it.
    async fn remove_children(
        &self,
        parent: TokenDigest,
        children: &[TokenDigest],
    ) -> Result<(), TokensError> {
        let mut all = Vec::new();
        for child in children {
            all.push(self.removal_of_child(&parent, child).await?);
        }
        if all.is_empty() {
            return Ok(());
        }
        match self.world.store.commit(all.concat()).await {
            Err(StoreError::Conflict) => {}
            done => return Ok(done?),
        }
        for changes in all {
            match self.world.store.commit(changes).await {
                // It is seen again, as its link is still there.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The changes that remove a child. A token that is no longer this parent's child stays; the link goes.
    async fn removal_of_child(
        &self,
        parent: &TokenDigest,
        child: &TokenDigest,
    ) -> Result<Vec<Change>, TokensError> {
        let link = vec![Change::delete(child_key(parent, child), Expect::Any)];
        let Some(kept) = self.kept(child).await? else { return Ok(link) };
        if kept.record.parent.as_ref().is_none_or(|of| of.digest != *parent) {
            return Ok(link);
        }
        let mut changes = removal(child, &kept.record, false);
        changes.push(Change::delete(token_key(child), Expect::Version(kept.version)));
        Ok(changes)
    }
}
