//! Batch tokens, and the ring of keys that every replica shares through the store.

use std::sync::Arc;

use super::kept::TRIES;
use super::{Tokens, TokensError, random};
use crate::core::client_token::ClientToken;
use crate::core::client_token::ring::KeyRing;
use crate::core::client_token::seal::{self, OpenError};
use crate::core::secret::Secret;
use crate::ports::store::{Change, Expect, Key, Kind, StoreError};

/// The ring as the store has it.
#[derive(Debug)]
pub(super) struct Ring {
    version: u64,
    keys: KeyRing,
}

fn ring_key() -> Key {
    Key::new(Kind::KeyRing, "batch")
}

impl Tokens {
    /// Makes a new key that seals from now on. Tokens that were sealed before stay good. False where the ring is full.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn rotate_key(&self) -> Result<bool, TokensError> {
        let key = random::bytes(&*self.world.random)?;
        let now = self.now();
        self.change_ring(|ring| ring.rotated(key, now)).await
    }

    /// Makes a new key where the last one has sealed for long enough.
    pub(super) async fn rotate_when_due(&self) -> Result<(), TokensError> {
        let now = self.now();
        // Who does not know the ring leaves it to those who do.
        if !self.ring.load().as_ref().is_some_and(|ring| ring.keys.is_due(now)) {
            return Ok(());
        }
        let key = random::bytes(&*self.world.random)?;
        let rotated = self.change_ring(|ring| ring.is_due(now).then(|| ring.rotated(key, now))?).await?;
        if rotated {
            tracing::info!("a new key seals batch tokens; those of the old ones stay good");
        }
        Ok(())
    }

    pub(super) async fn seal(&self, record: &ClientToken) -> Result<Secret, TokensError> {
        let mut ring = self.ring().await?;
        let expires = record.expires.unwrap_or_default();
        if ring.keys.needed_for(expires).is_some() {
            self.change_ring(|ring| ring.needed_for(expires)).await?;
            ring = self.ring().await?;
        }
        Ok(seal::seal(&ring.keys, record, random::bytes(&*self.world.random)?)?)
    }

    /// What was sealed into a batch token, its time not looked at.
    pub(super) async fn opened(&self, token: &str) -> Result<Option<ClientToken>, TokensError> {
        let known = self.ring.load_full();
        let known_opened = known.map(|ring| seal::open(&ring.keys, token));
        let opened = match known_opened {
            Some(Err(OpenError::UnknownKey)) | None => match self.reload().await? {
                Some(ring) => seal::open(&ring.keys, token),
                None => Err(OpenError::NotAToken),
            },
            Some(opened) => opened,
        };
        Ok(opened.ok())
    }

    /// The ring, made where there is none yet.
    async fn ring(&self) -> Result<Arc<Ring>, TokensError> {
        if let Some(ring) = self.ring.load_full() {
            return Ok(ring);
        }
        for _ in 0..TRIES {
            if let Some(ring) = self.reload().await? {
                return Ok(ring);
            }
            let ring = KeyRing::new(random::bytes(&*self.world.random)?, self.now());
            self.write(&ring, Expect::Absent).await?;
        }
        Err(TokensError::Busy)
    }

    /// Reads the ring if it was never read, so that batch tokens are opened while the store is away.
    pub(super) async fn know_ring(&self) -> Result<(), TokensError> {
        if self.ring.load().is_none() {
            self.reload().await?;
        }
        Ok(())
    }

    /// Reads the ring from the store.
    async fn reload(&self) -> Result<Option<Arc<Ring>>, TokensError> {
        let Some(entry) = self.world.store.get(&ring_key()).await? else { return Ok(None) };
        let keys = KeyRing::from_bytes(&entry.value)?;
        let ring = Arc::new(Ring { version: entry.version, keys });
        self.ring.store(Some(Arc::clone(&ring)));
        Ok(Some(ring))
    }

    /// Changes the ring as the store has it; false where `change` gives none.
    async fn change_ring(
        &self,
        change: impl Fn(&KeyRing) -> Option<KeyRing> + Send,
    ) -> Result<bool, TokensError> {
        for _ in 0..TRIES {
            let ring = self.ring().await?;
            let Some(changed) = change(&ring.keys) else { return Ok(false) };
            let written = self.write(&changed, Expect::Version(ring.version)).await?;
            self.reload().await?;
            if written {
                return Ok(true);
            }
        }
        Err(TokensError::Busy)
    }

    /// Writes the ring; false where somebody else was faster.
    async fn write(&self, ring: &KeyRing, expect: Expect) -> Result<bool, TokensError> {
        match self.world.store.commit(vec![Change::put(ring_key(), expect, ring.to_bytes())]).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
