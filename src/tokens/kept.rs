//! A service token's entries in the store, and the one way to change them.

use super::{Tokens, TokensError};
use crate::core::client_token::{ClientToken, TokenDigest};
use crate::ports::store::{Change, Expect, Key, Kind, Page, StoreError};

/// How often a change is tried anew after somebody else's.
pub(super) const TRIES: usize = 16;

/// A service token as the store has it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) version: u64,
    pub(super) record: ClientToken,
}

/// What becomes of a token.
pub(super) struct Update {
    /// Its new record; none: it goes.
    pub(super) record: Option<ClientToken>,
    /// What changes along with it.
    pub(super) more: Vec<Change>,
}

pub(super) fn token_key(digest: &TokenDigest) -> Key {
    Key::new(Kind::Token, digest.0)
}

pub(super) fn accessor_key(accessor: &str) -> Key {
    Key::new(Kind::Accessor, accessor)
}

pub(super) fn child_key(parent: &TokenDigest, child: &TokenDigest) -> Key {
    Key::new(Kind::Child, [parent.0, child.0].concat())
}

/// The entry that comes up at this time.
pub(super) fn expiry_key(time: i64, digest: &TokenDigest) -> Key {
    let time = u64::try_from(time).unwrap_or_default();
    Key::new(Kind::Expiry, [&time.to_be_bytes()[..], &digest.0[..]].concat())
}

pub(super) fn wrapped_key(token: &TokenDigest) -> Key {
    Key::new(Kind::Wrapped, token.0)
}

/// Puts an entry that has no value of its own.
pub(super) fn mark(key: Key, expect: Expect) -> Change {
    Change::put(key, expect, [])
}

/// All changes that take a token away but that of its own entry. `has_children`: they are collected next.
pub(super) fn removal(digest: &TokenDigest, record: &ClientToken, has_children: bool) -> Vec<Change> {
    let mut changes = vec![Change::delete(accessor_key(&record.accessor), Expect::Any)];
    if let Some(parent) = &record.parent {
        changes.push(Change::delete(child_key(&parent.digest, digest), Expect::Any));
    }
    if let Some(indexed) = record.indexed {
        changes.push(Change::delete(expiry_key(indexed, digest), Expect::Any));
    }
    if record.is_wrapping() {
        changes.push(Change::delete(wrapped_key(digest), Expect::Any));
    }
    let now_due = expiry_key(0, digest);
    if has_children && changes.iter().all(|change| change.key != now_due) {
        changes.push(mark(now_due, Expect::Any));
    }
    changes
}

impl Tokens {
    /// The service token with this digest, good or not. What cannot be read counts as not there.
    pub(super) async fn kept(&self, digest: &TokenDigest) -> Result<Option<Kept>, TokensError> {
        let Some(entry) = self.world.store.get(&token_key(digest)).await? else { return Ok(None) };
        let record = ClientToken::from_bytes(&entry.value)
            .inspect_err(|cause| tracing::error!(token = ?digest, %cause, "a token's record cannot be read"));
        Ok(record.ok().map(|record| Kept { version: entry.version, record }))
    }

    /// Changes a token in one commit, anew each time somebody else has changed it meanwhile. `known` saves the first
    /// read. Gives the new record, or the one that has gone; none where there is no token or `change` gives none.
    pub(super) async fn update(
        &self,
        digest: &TokenDigest,
        known: Option<Kept>,
        change: impl Fn(&ClientToken) -> Option<Update> + Send,
    ) -> Result<Option<ClientToken>, TokensError> {
        let _turn = self.turns.of(digest).await?;
        let mut known = known;
        for _ in 0..TRIES {
            let kept = match known.take() {
                Some(kept) => Some(kept),
                None => self.kept(digest).await?,
            };
            let Some(kept) = kept else { return Ok(None) };
            let Some(update) = change(&kept.record) else { return Ok(None) };
            let mut changes = update.more;
            let value = update.record.as_ref().map(ClientToken::to_bytes);
            changes.push(Change { key: token_key(digest), expect: Expect::Version(kept.version), value });
            match self.world.store.commit(changes).await {
                Ok(()) => return Ok(Some(update.record.unwrap_or(kept.record))),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TokensError::Busy)
    }

    /// At most `limit` of a token's children.
    pub(super) async fn children(
        &self,
        parent: &TokenDigest,
        limit: usize,
    ) -> Result<Vec<TokenDigest>, TokensError> {
        let page = self.world.store.list(Page::of(Kind::Child, limit).under(&parent.0)).await?;
        Ok(page.iter().filter_map(|(name, _)| TokenDigest::read(name.get(32..)?)).collect())
    }

    pub(super) async fn has_children(&self, parent: &TokenDigest) -> Result<bool, TokensError> {
        Ok(!self.children(parent, 1).await?.is_empty())
    }
}
