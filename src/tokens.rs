//! Client tokens: issued, found, used, renewed, revoked and collected, over whatever store keeps them.

mod batch;
mod collect;
pub mod entities;
mod error;
mod issue;
mod kept;
mod mounts;
mod purge;
mod random;
mod renew;
mod revoke;
mod root;
mod server;
mod tidy;
mod turns;
mod uses;
mod wrapping;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::core::client_token::{BATCH_PREFIX, ClientToken, MAX_TOKEN_LEN, Parent, TokenDigest};
use crate::metrics::Metrics;
use crate::ports::mounts::MountsThere;
use crate::ports::store::{Key, Kind, Page, Store};
use crate::ports::{Clock, Random};

use batch::Ring;
pub use error::TokensError;
pub use issue::{Issued, NewToken};
pub use root::Root;
pub use server::TokenMount;
pub use uses::Used;

/// The longest chain of parents above a token.
pub const MAX_ANCESTORS: usize = 32;

/// The longest name that may be an accessor.
const MAX_ACCESSOR_LEN: usize = 64;

/// What tokens need of the world.
#[derive(Debug, Clone)]
pub struct World {
    /// Where they are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What they are made of.
    pub random: Arc<dyn Random>,
    /// The mounts that they may come from.
    pub mounts: Arc<dyn MountsThere>,
    /// Where they are counted.
    pub metrics: Metrics,
}

/// All client tokens.
#[derive(Debug)]
pub struct Tokens {
    world: World,
    turns: turns::Turns,
    ring: ArcSwapOption<Ring>,
    wake: Notify,
    tidying: AtomicBool,
    /// When the clock's elapsed time was none, in milliseconds since 1970.
    began: u64,
}

/// A token that is good at this moment.
#[derive(Debug, Clone)]
pub struct Found {
    /// The digest of its text.
    pub digest: TokenDigest,
    /// Its record.
    pub record: ClientToken,
    /// The version of its entry; none for a batch token.
    version: Option<u64>,
}

impl Found {
    /// This token as the parent of another.
    pub fn as_parent(&self) -> Parent {
        Parent { digest: self.digest, accessor: self.record.accessor.clone() }
    }
}

impl Tokens {
    /// Tokens over a store. Reads nothing yet.
    pub fn new(world: World) -> Self {
        let seconds = u64::try_from(world.clock.unix_now()).unwrap_or_default();
        let elapsed = u64::try_from(world.clock.elapsed().as_millis()).unwrap_or_default();
        Self {
            began: seconds.saturating_mul(1000).saturating_sub(elapsed),
            world,
            turns: turns::Turns::default(),
            ring: ArcSwapOption::empty(),
            wake: Notify::new(),
            tidying: AtomicBool::new(false),
        }
    }

    /// The token with this text, if it is good: it and all its ancestors are there, in time and not used up, and the
    /// mounts that they logged in at are enabled. One read, and one for each ancestor.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find(&self, token: &str) -> Result<Option<Found>, TokensError> {
        if token.is_empty() || token.len() > MAX_TOKEN_LEN {
            return Ok(None);
        }
        let digest = TokenDigest::of(token);
        let found = if token.starts_with(BATCH_PREFIX) {
            self.opened(token).await?.map(|record| Found { digest, record, version: None })
        } else {
            self.found(&digest).await?
        };
        self.if_good(found).await
    }

    /// The service token with this accessor, if it is good.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find_by_accessor(&self, accessor: &str) -> Result<Option<Found>, TokensError> {
        if accessor.is_empty() || accessor.len() > MAX_ACCESSOR_LEN {
            return Ok(None);
        }
        let entry = self.world.store.get(&Key::new(Kind::Accessor, accessor)).await?;
        let Some(digest) = entry.and_then(|entry| TokenDigest::read(&entry.value)) else { return Ok(None) };
        let found = self.found(&digest).await?.filter(|found| found.record.accessor == accessor);
        self.if_good(found).await
    }

    /// At most `limit` accessors in their order, from the first one after `after` on; those of tokens that have
    /// expired and are not collected yet are among them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn accessors(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, TokensError> {
        let after = after.map(str::as_bytes);
        let page = self.world.store.list(Page::of(Kind::Accessor, limit).after(after)).await?;
        Ok(page.into_iter().filter_map(|(name, _)| String::from_utf8(name.into_vec()).ok()).collect())
    }

    /// How many service tokens are kept. Sets the metric.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn count(&self) -> Result<u64, TokensError> {
        let count = self.world.store.count(Kind::Token).await?;
        self.world.metrics.client_tokens(count);
        Ok(count)
    }

    /// The time by which tokens live.
    pub fn now(&self) -> i64 {
        self.world.clock.unix_now()
    }

    /// This moment in milliseconds since 1970, which stays in order while the process lives.
    fn moment(&self) -> u64 {
        let elapsed = u64::try_from(self.world.clock.elapsed().as_millis()).unwrap_or_default();
        self.began.saturating_add(elapsed)
    }

    async fn found(&self, digest: &TokenDigest) -> Result<Option<Found>, TokensError> {
        let kept = self.kept(digest).await?;
        Ok(kept.map(|kept| Found { digest: *digest, record: kept.record, version: Some(kept.version) }))
    }

    async fn if_good(&self, found: Option<Found>) -> Result<Option<Found>, TokensError> {
        match found {
            Some(found) if self.ancestors(&found.record).await?.is_some() => Ok(Some(found)),
            _ => Ok(None),
        }
    }

    /// How many ancestors a token has; none where it or one of them is not good.
    async fn ancestors(&self, record: &ClientToken) -> Result<Option<usize>, TokensError> {
        let now = self.now();
        if !self.stands(record, now) {
            return Ok(None);
        }
        let mut above = record.parent.clone();
        for ancestors in 0..=MAX_ANCESTORS {
            let Some(parent) = above else { return Ok(Some(ancestors)) };
            match self.kept(&parent.digest).await? {
                Some(kept) if kept.record.accessor == parent.accessor && self.stands(&kept.record, now) => {
                    above = kept.record.parent;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn stands(&self, record: &ClientToken, now: i64) -> bool {
        let mounts = &self.world.mounts;
        let login = record.login.as_ref();
        record.is_good(now)
            && login.is_none_or(|login| mounts.is_mounted(&login.mount_path, &login.mount_accessor))
    }
}

#[cfg(test)]
pub(crate) mod tests;
