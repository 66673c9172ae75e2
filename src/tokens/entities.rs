//! Entities: who has logged in, told by mount and alias, the same at every login.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::TRIES;
use super::{TokensError, random};
use crate::ports::Random;
use crate::ports::store::{Change, Expect, Key, Kind, Store, StoreError};

/// How every name begins; the rest is how the id begins.
const NAME: &str = "entity_";

/// How many entities with ids that begin alike are looked at.
const ALIKE: usize = 64;

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// A UUID.
    pub id: String,
    /// A name made up for it.
    pub name: String,
    /// Metadata of its own; nothing here sets any.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What it is known as; one for each mount.
    pub aliases: Vec<Alias>,
}

/// What an entity is known as at a mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// A UUID.
    pub id: String,
    /// The mount's accessor.
    pub mount_accessor: String,
    /// The service account's uid, or its namespace and name.
    pub name: String,
    /// What the last login told of it.
    pub metadata: BTreeMap<String, String>,
}

impl Entity {
    /// What it is known as at the mount with this accessor.
    pub fn alias(&self, mount_accessor: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.mount_accessor == mount_accessor)
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

    /// The entity of an alias, made at its first login. Two reads, and a write only where something is new.
    ///
    /// # Errors
    /// Where the store fails or holds something unreadable.
    pub async fn entity_for(
        &self,
        mount_accessor: &str,
        alias_name: &str,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Entity, TokensError> {
        let alias_key = Key::new(Kind::Alias, format!("{mount_accessor}/{alias_name}"));
        for _ in 0..TRIES {
            let alias = self.store.get(&alias_key).await?;
            let kept = match &alias {
                Some(alias) => self.kept(&alias.value).await?,
                None => None,
            };
            let (entity, changes) = match kept {
                Some((_, entity))
                    if entity.alias(mount_accessor).is_some_and(|alias| alias.metadata == *metadata) =>
                {
                    return Ok(entity);
                }
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
                Ok(()) => return Ok(entity),
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
        Ok(self.kept(id.as_bytes()).await?.map(|(_, entity)| entity))
    }

    /// The entity with this name, which begins as its id does.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn named(&self, name: &str) -> Result<Option<Entity>, TokensError> {
        let Some(begin) = name.strip_prefix(NAME) else { return Ok(None) };
        let page = self.store.list(Kind::Entity, begin.as_bytes(), None, ALIKE).await?;
        Ok(page.iter().filter_map(|(_, entry)| read(&entry.value)).find(|entity| entity.name == name))
    }

    /// All entities by their ids, at most `limit`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<Entity>, TokensError> {
        let page = self.store.list(Kind::Entity, b"", None, limit).await?;
        Ok(page.iter().filter_map(|(_, entry)| read(&entry.value)).collect())
    }

    async fn kept(&self, id: &[u8]) -> Result<Option<(u64, Entity)>, TokensError> {
        let Some(entry) = self.store.get(&Key::new(Kind::Entity, id)).await? else { return Ok(None) };
        Ok(read(&entry.value).map(|entity| (entry.version, entity)))
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
