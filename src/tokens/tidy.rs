//! Tidying: what the collector cannot know of, found by looking at every accessor and every link.
//!
//! Nothing that is left over is ever good; it only takes room.

use std::sync::atomic::Ordering;

use super::kept::{removal, token_key};
use super::{Tokens, TokensError};
use crate::core::client_token::TokenDigest;
use crate::ports::store::{Change, Expect, Key, Kind, Page, StoreError};

/// How many entries are looked at at once.
const PAGE: usize = 256;

impl Tokens {
    /// Asks the collector to tidy. Returns at once; once is enough until it begins.
    pub fn tidy(&self) {
        self.tidying.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    pub(super) async fn tidy_when_asked(&self) -> Result<(), TokensError> {
        if !self.tidying.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let removed = self.walk(Kind::Accessor).await? + self.walk(Kind::Child).await?;
        tracing::info!(removed, "client tokens are tidied");
        Ok(())
    }

    /// Looks at every entry of a kind and removes what is left over. Gives how many were.
    async fn walk(&self, kind: Kind) -> Result<usize, TokensError> {
        let mut removed = 0;
        let mut after: Option<Box<[u8]>> = None;
        loop {
            let page = self.world.store.list(Page::of(kind, PAGE).after(after.as_deref())).await?;
            let Some((last, _)) = page.last() else { return Ok(removed) };
            after = Some(last.clone());
            for (name, entry) in page {
                let key = Key { kind, name };
                let changes = match kind {
                    Kind::Accessor => self.stray_accessor(key, &entry.value).await?,
                    _ => self.stray_child(key).await?,
                };
                if changes.is_empty() {
                    continue;
                }
                match self.world.store.commit(changes).await {
                    Ok(()) => removed += 1,
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    async fn stray_accessor(&self, key: Key, digest: &[u8]) -> Result<Vec<Change>, TokensError> {
        let kept = match TokenDigest::read(digest) {
            Some(digest) => self.kept(&digest).await?,
            None => None,
        };
        let is_its = kept.is_some_and(|kept| kept.record.accessor.as_bytes() == &*key.name);
        Ok(if is_its { vec![] } else { vec![Change::delete(key, Expect::Any)] })
    }

    async fn stray_child(&self, key: Key) -> Result<Vec<Change>, TokensError> {
        let digests = key.name.split_at_checked(32);
        let digests =
            digests.and_then(|(of, child)| Some((TokenDigest::read(of)?, TokenDigest::read(child)?)));
        let Some((parent, child)) = digests else { return Ok(vec![Change::delete(key, Expect::Any)]) };
        let kept = self.kept(&child).await?;
        let link = kept.as_ref().and_then(|kept| kept.record.parent.as_ref());
        let (Some(kept), Some(link)) = (&kept, link.filter(|link| link.digest == parent)) else {
            return Ok(vec![Change::delete(key, Expect::Any)]);
        };
        if self.kept(&parent).await?.is_some_and(|parent| parent.record.accessor == link.accessor) {
            return Ok(vec![]);
        }
        let mut changes = removal(&child, &kept.record, self.has_children(&child).await?);
        changes.push(Change::delete(token_key(&child), Expect::Version(kept.version)));
        Ok(changes)
    }
}
