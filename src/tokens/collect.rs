//! The collector: removes what has expired, from the head of the index of expiries and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::kept::{expiry_key, mark, removal, token_key};
use super::{Tokens, TokensError};
use crate::core::client_token::{ClientToken, TokenDigest};
use crate::errors::with_causes;
use crate::ports::store::{Change, Expect, Key, Kind, Page, StoreError};

/// How many entries of the index are read at once.
const PAGE: usize = 256;
/// How many tokens are removed in one commit; the commits of a page are made side by side.
const BATCH: usize = 64;
/// The longest time between two looks, and that after a failure.
const MINUTE: Duration = Duration::from_secs(60);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Seconds after which a replica looks again whether it leads.
const FOLLOWERS_LOOK: i64 = 4;

/// An entry of the index that has come up.
#[derive(Debug, Clone)]
struct Due {
    key: Key,
    time: i64,
    digest: TokenDigest,
}

impl Due {
    fn read(name: &[u8]) -> Option<Self> {
        let (time, digest) = name.split_first_chunk::<8>()?;
        let time = i64::try_from(u64::from_be_bytes(*time)).unwrap_or(i64::MAX);
        Some(Self { key: Key::new(Kind::Expiry, name), time, digest: TokenDigest::read(digest)? })
    }
}

impl Tokens {
    /// Collects until it is stopped: when the next token is due, at least every minute, and at once after a token with
    /// children was revoked. A failure is logged and tried again.
    pub async fn collect(self: Arc<Self>, stop: CancellationToken) {
        self.collect_while(|| true, stop).await;
    }

    /// The same where replicas share a store: expired tokens are removed only while this replica `leads`, which is asked
    /// at every look. What it asks for itself, as tidying, it does anyway.
    pub async fn collect_while(
        self: Arc<Self>,
        leads: impl Fn() -> bool + Send + Sync,
        stop: CancellationToken,
    ) {
        let work = async {
            loop {
                let wait = match self.round(&leads).await {
                    Ok(next) => self.until(next),
                    Err(error) => {
                        tracing::warn!(cause = with_causes(&error), "expired tokens could not be collected");
                        AFTER_FAILURE
                    }
                };
                // A wake-up that came during the round is not lost.
                let _woken = tokio::time::timeout(wait, self.wake.notified()).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    async fn round(&self, leads: &(impl Fn() -> bool + Sync)) -> Result<Option<i64>, TokensError> {
        self.tidy_when_asked().await?;
        let next = if leads() {
            let next = self.collect_due().await?;
            self.rotate_when_due().await?;
            next
        } else {
            Some(self.now().saturating_add(FOLLOWERS_LOOK))
        };
        self.know_ring().await?;
        self.count().await?;
        Ok(next)
    }

    fn until(&self, next: Option<i64>) -> Duration {
        let seconds = next.map(|time| time.saturating_sub(self.now()).saturating_add(1));
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds.max(1)).ok());
        seconds.map_or(MINUTE, |seconds| Duration::from_secs(seconds).min(MINUTE))
    }

    /// Removes all that is due, and puts off what was renewed. Gives the time of the entry that comes up next.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn collect_due(&self) -> Result<Option<i64>, TokensError> {
        loop {
            let now = self.now();
            let page = self.world.store.list(Page::of(Kind::Expiry, PAGE)).await?;
            let entries: Vec<_> = page.iter().filter_map(|(name, _)| Due::read(name)).collect();
            let due: Vec<_> = entries.iter().filter(|entry| entry.time < now).cloned().collect();
            let settling = due.chunks(BATCH).map(|batch| self.settle(batch, now));
            let settled: usize = try_join_all(settling).await?.into_iter().sum();
            // Once more after a removal, which may have left children to remove; not where others are at the same
            // tokens and may as well do it.
            if settled == 0 {
                return Ok(entries.get(due.len()).map(|entry| entry.time));
            }
        }
    }

    /// Makes all changes for a batch in one commit, or one by one where somebody else is at it. Gives how many are done.
    async fn settle(&self, batch: &[Due], now: i64) -> Result<usize, TokensError> {
        let mut all = Vec::with_capacity(batch.len());
        for due in batch {
            all.push(self.settlement(due, now).await?);
        }
        match self.world.store.commit(all.concat()).await {
            Err(StoreError::Conflict) => {}
            done => return Ok(done.map(|()| batch.len())?),
        }
        let mut settled = 0;
        for changes in all {
            match self.world.store.commit(changes).await {
                Ok(()) => settled += 1,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(settled)
    }

    /// The changes that an entry asks for.
    async fn settlement(&self, due: &Due, now: i64) -> Result<Vec<Change>, TokensError> {
        let gone = Change::delete(due.key.clone(), Expect::Any);
        let Some(kept) = self.kept(&due.digest).await? else {
            self.purge(due.digest).await?;
            return Ok(vec![gone]);
        };
        let Some(expires) = kept.record.expires.filter(|_| kept.record.indexed == Some(due.time)) else {
            return Ok(vec![gone]);
        };
        let (token, expect) = (token_key(&due.digest), Expect::Version(kept.version));
        if expires >= now {
            let record = ClientToken { indexed: Some(expires), ..kept.record };
            let moved = mark(expiry_key(expires, &due.digest), Expect::Any);
            return Ok(vec![gone, moved, Change::put(token, expect, record.to_bytes())]);
        }
        let has_children = self.has_children(&due.digest).await?;
        let mut changes = removal(&due.digest, &kept.record, has_children);
        changes.push(Change::delete(token, expect));
        Ok(changes)
    }
}
