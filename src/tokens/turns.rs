//! Writers of one token take turns, so that in one process they do not spoil each other's changes.
//!
//! What is right does not hang on it: every change names the version that it is made from.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::TokensError;
use crate::core::client_token::TokenDigest;

const SLOTS: usize = 64;
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Turns([Mutex<()>; SLOTS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    /// Waits for the turn of a writer of this token.
    pub(super) async fn of(&self, digest: &TokenDigest) -> Result<MutexGuard<'_, ()>, TokensError> {
        let [.., last] = digest.0;
        let slot = self.0.get(usize::from(last) % SLOTS).ok_or(TokensError::Busy)?;
        tokio::time::timeout(LONGEST_WAIT, slot.lock()).await.map_err(|_| TokensError::Busy)
    }
}
