//! Which tokens an API server has confirmed before: they have a claim to a turn, and to nothing else.

use quick_cache::sync::Cache;

use crate::core::identity::Review;
use crate::core::review_key::ReviewKey;
use crate::ports::ReviewQuery;
use crate::verify::admission::Flows;

/// How many tokens are known, by a digest of 32 bytes each. It outlives the cache of reviews.
const TOKENS: usize = 1 << 16;

/// Tokens that the last review has confirmed, each with the key of its service account.
#[derive(Debug)]
pub(super) struct ConfirmedTokens(Cache<ReviewKey, u64>);

impl ConfirmedTokens {
    pub(super) fn new() -> Self {
        Self(Cache::new(TOKENS))
    }

    /// What a token is known by, whatever audience is asked for and however the mount is configured by now.
    pub(super) fn key(&self, query: &ReviewQuery<'_>) -> ReviewKey {
        ReviewKey::of(&query.mount.path, 0, query.token, &[])
    }

    /// The service account of a token that was confirmed before.
    pub(super) fn account(&self, query: &ReviewQuery<'_>) -> Option<u64> {
        self.0.get(&self.key(query))
    }

    /// Notes what a review says of a token.
    pub(super) fn note(&self, token: ReviewKey, review: &Review, flows: &Flows) {
        match review {
            Review::Confirmed(identity) => {
                self.0.insert(token, flows.account(identity.namespace(), identity.name()));
            }
            Review::Refused(_) => {
                self.0.remove(&token);
            }
        }
    }
}
