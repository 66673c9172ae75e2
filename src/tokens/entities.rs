//! Entities: who has logged in, told by mount and alias, the same at every login.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::TRIES;
use super::{TokensError, random};
use crate::ports::Random;
use crate::ports::store::{Change, Entry, Expect, Key, Kind, Page, Store, StoreError};

/// How every name begins; the rest is how the id begins.
const NAME: &str = "entity_";

/// How many entities with ids that begin alike are looked at.
const ALIKE: usize = 64;

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity<T: Ord = String> {
    /// A UUID.
    pub id: T,
    /// A name made up for it.
    pub name: T,
    /// Metadata of its own; nothing here sets any.
    #[serde(default = "BTreeMap::new")]
    pub metadata: BTreeMap<T, T>,
    /// What it is known as; one for each mount.
    pub aliases: Vec<Alias<T>>,
}

/// What an entity is known as at a mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias<T: Ord = String> {
    /// A UUID.
    pub id: T,
    /// The mount's accessor.
    pub mount_accessor: T,
    /// The service account's uid, or its namespace and name.
    pub name: T,
    /// What the last login told of it.
    pub metadata: BTreeMap<T, T>,
}

/// A text of an entity that is only looked at.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
struct Seen<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Seen<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str> + Ord> Entity<T> {
    /// What it is known as at the mount with this accessor.
    pub fn alias(&self, mount_accessor: &str) -> Option<&Alias<T>> {
        self.aliases.iter().find(|alias| alias.mount_accessor.as_ref() == mount_accessor)
    }

    /// Whether this is known of it already.
    fn is_told(&self, mount_accessor: &str, metadata: &BTreeMap<String, String>) -> bool {
        self.alias(mount_accessor).is_some_and(|alias| {
            let known = alias.metadata.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
            known.eq(metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        })
    }
}

/// All entities.
#[derive(Debug, Clone)]
pub struct Entities {
    store: Arc<dyn Store>,
    random: Arc<dyn Random>,
}

impl Entities {
    /// Entities over a store.
    pub fn new(store: Arc<dyn Store>, random: Arc<dyn Random>) -> Self {
        Self { store, random }
    }

    /// The id of an alias's entity, which is made at its first login. Two reads, and a write only where something is new.
    ///
    /// # Errors
    /// Where the store fails or holds something unreadable.
    pub async fn entity_for(
        &self,
        mount_accessor: &str,
        alias_name: &str,
        metadata: &BTreeMap<String, String>,
    ) -> Result<String, TokensError> {
        let alias_key = Key::new(Kind::Alias, [mount_accessor, "/", alias_name].concat());
        for _ in 0..TRIES {
            let alias = self.store.get(&alias_key).await?;
            let kept = match &alias {
                Some(alias) => self.kept(&alias.value).await?,
                None => None,
            };
            if let Some(kept) = &kept
                && let Ok(text) = std::str::from_utf8(&kept.value)
                && let Ok(entity) = serde_json::from_str::<Entity<Seen<'_>>>(text)
                && entity.is_told(mount_accessor, metadata)
            {
                return Ok(entity.id.0.into_owned());
            }
            let kept = kept.and_then(|kept| Some((kept.version, read(&kept.value)?)));
            let (entity, changes) = match kept {
                Some((version, mut entity)) => {
                    self.tell(&mut entity, mount_accessor, alias_name, metadata)?;
                    let changes = vec![put(&entity, Expect::Version(version))];
                    (entity, changes)
                }
                None => {
                    let id = random::uuid(&*self.random)?;
                    let name = format!("{NAME}{}", id.split('-').next().unwrap_or_default());
                    let mut entity = Entity { id, name, metadata: BTreeMap::new(), aliases: vec![] };
                    self.tell(&mut entity, mount_accessor, alias_name, metadata)?;
                    // An alias whose entity cannot be read gets a new one.
                    let expect = alias.map_or(Expect::Absent, |alias| Expect::Version(alias.version));
                    let alias = Change::put(alias_key.clone(), expect, entity.id.as_bytes());
                    let changes = vec![alias, put(&entity, Expect::Absent)];
                    (entity, changes)
                }
            };
            match self.store.commit(changes).await {
                Ok(()) => return Ok(entity.id),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TokensError::Busy)
    }

    /// The entity with this id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn entity(&self, id: &str) -> Result<Option<Entity>, TokensError> {
        Ok(self.kept(id.as_bytes()).await?.and_then(|kept| read(&kept.value)))
    }

    /// The entity with this name, which begins as its id does.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn named(&self, name: &str) -> Result<Option<Entity>, TokensError> {
        let Some(begin) = name.strip_prefix(NAME) else { return Ok(None) };
        let page = self.store.list(Page::of(Kind::Entity, ALIKE).under(begin.as_bytes())).await?;
        Ok(page.iter().filter_map(|(_, entry)| read(&entry.value)).find(|entity| entity.name == name))
    }

    /// All entities by their ids, at most `limit`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<Entity>, TokensError> {
        let page = self.store.list(Page::of(Kind::Entity, limit)).await?;
        Ok(page.iter().filter_map(|(_, entry)| read(&entry.value)).collect())
    }

    async fn kept(&self, id: &[u8]) -> Result<Option<Entry>, TokensError> {
        Ok(self.store.get(&Key::new(Kind::Entity, id)).await?)
    }

    /// Writes down what a login tells of an alias.
    fn tell(
        &self,
        entity: &mut Entity,
        mount_accessor: &str,
        name: &str,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), TokensError> {
        if let Some(alias) = entity.aliases.iter_mut().find(|alias| alias.mount_accessor == mount_accessor) {
            alias.metadata.clone_from(metadata);
            return Ok(());
        }
        entity.aliases.push(Alias {
            id: random::uuid(&*self.random)?,
            mount_accessor: mount_accessor.to_owned(),
            name: name.to_owned(),
            metadata: metadata.clone(),
        });
        Ok(())
    }
}

fn read(value: &[u8]) -> Option<Entity> {
    serde_json::from_slice(value)
        .inspect_err(|cause| tracing::error!(%cause, "an entity cannot be read"))
        .ok()
}

fn put(entity: &Entity, expect: Expect) -> Change {
    // Texts and maps of texts are always JSON.
    let value = serde_json::to_vec(entity).unwrap_or_default();
    Change::put(Key::new(Kind::Entity, &entity.id), expect, value)
}
