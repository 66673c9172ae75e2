//! What the store keeps of the server as a whole: its id, and what the mount of `auth/token/` is tuned to.

use super::kept::TRIES;
use super::{Tokens, TokensError, random};
use crate::core::mount::MountAbout;
use crate::ports::store::{Change, Expect, Key, Kind, StoreError};

/// The mount of `auth/token/`, which is always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMount {
    /// What it is tuned to.
    pub about: MountAbout,
    version: Option<u64>,
}

impl Tokens {
    /// The id of this server, and of every replica over the same store; made by the first who asks for it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn cluster_id(&self) -> Result<String, TokensError> {
        let key = Key::new(Kind::Server, "cluster");
        for _ in 0..TRIES {
            if let Some(entry) = self.world.store.get(&key).await? {
                return Ok(String::from_utf8_lossy(&entry.value).into_owned());
            }
            let id = random::uuid(&*self.world.random)?;
            let mut changes = vec![Change::put(key.clone(), Expect::Absent, id.as_bytes())];
            let mount = self.mount().await?;
            if mount.version.is_none() {
                // A store that asks others for what it does not know always knows it then.
                changes.push(put(&mount));
            }
            match self.world.store.commit(changes).await {
                Ok(()) => return Ok(id),
                // Another replica was faster.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TokensError::Busy)
    }

    /// The mount of `auth/token/` as it is tuned now.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn mount(&self) -> Result<TokenMount, TokensError> {
        let entry = self.world.store.get(&mount_key()).await?;
        let version = entry.as_ref().map(|entry| entry.version);
        let about = entry.and_then(|entry| {
            serde_json::from_slice(&entry.value)
                .inspect_err(|cause| tracing::error!(%cause, "the tuning of auth/token/ cannot be read"))
                .ok()
        });
        Ok(TokenMount { about: about.unwrap_or_else(MountAbout::of_tokens), version })
    }

    /// Tunes it, unless somebody else has since this was read.
    ///
    /// # Errors
    /// Where somebody else has, or the store fails.
    pub async fn tune(&self, mount: &TokenMount) -> Result<(), TokensError> {
        Ok(self.world.store.commit(vec![put(mount)]).await?)
    }
}

fn mount_key() -> Key {
    Key::new(Kind::Server, "token")
}

fn put(mount: &TokenMount) -> Change {
    // Texts, numbers and maps of texts are always JSON.
    let value = serde_json::to_vec(&mount.about).unwrap_or_default();
    Change::put(mount_key(), mount.version.map_or(Expect::Absent, Expect::Version), value)
}
