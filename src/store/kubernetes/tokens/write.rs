//! Commits: what a commit changes is brought together by object, and each object changes in one call.
//!
//! What belongs to one token, or to one alias, lies in one object and so changes as a whole or not at all. A commit
//! over several objects is made object by object, those first that it expects something of; where one of these turns
//! out to be another, the others of them may have changed, and nothing else has. Such commits take away tokens that
//! are not good any more, each of them as well alone.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::KubernetesTokens;
use super::object::{Entries, Object};
use super::place;
use crate::ports::store::{Change, Expect, StoreError};
use crate::store::expectation::holds;

/// How often an object is read anew after somebody else's change.
const TRIES: usize = 8;

/// How many objects of a commit are written at once.
const AT_ONCE: usize = 8;

/// The changes of one object.
struct Group {
    object: Arc<str>,
    changes: Vec<Change>,
}

impl KubernetesTokens {
    pub(super) async fn make(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let groups = self.grouped(&changes);
        if groups.len() > 1 {
            for group in groups.iter().filter(|group| group.expects()) {
                self.check(group).await?;
            }
        }
        let (first, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(Group::expects);
        for groups in [first, rest] {
            let writing = groups.into_iter().map(|group| async move { self.write(&group).await });
            let written: Vec<_> = stream::iter(writing).buffer_unordered(AT_ONCE).collect().await;
            written.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    fn grouped(&self, changes: &[Change]) -> Vec<Group> {
        let index = self.index();
        let mut groups: Vec<Group> = Vec::new();
        let mut of_object = std::collections::HashMap::new();
        for change in changes {
            let object = index.place(&change.key).unwrap_or_else(|| place::for_new(change, changes));
            let at = *of_object.entry(Arc::clone(&object)).or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.changes.push(change.clone()),
                None => groups.push(Group { object, changes: vec![change.clone()] }),
            }
        }
        groups
    }

    /// Whether a group could be written, as far as can be told before.
    async fn check(&self, group: &Group) -> Result<(), StoreError> {
        if group.holds(self.known(&group.object).as_ref())
            || group.holds(self.fetch(&group.object).await?.as_ref())
        {
            return Ok(());
        }
        Err(StoreError::Conflict)
    }

    async fn write(&self, group: &Group) -> Result<(), StoreError> {
        let mut base = self.known(&group.object);
        // Whether the base was read after this began; what is known already may be old.
        let mut is_fresh = false;
        for _ in 0..TRIES {
            let next = group.holds(base.as_ref()).then(|| group.applied(base.as_ref()));
            let written = match (next, &base) {
                (None, _) if is_fresh => return Err(StoreError::Conflict),
                (Some(None), _) if is_fresh => return Ok(()),
                (None | Some(None), _) => Err(StoreError::Conflict),
                (Some(Some(entries)), Some(base)) if entries.is_empty() => {
                    let deleted = self.0.objects.delete(&base.name, base.version).await;
                    deleted.map(|()| self.index_mut().remove(&base.name, base.version))
                }
                (Some(Some(entries)), base) => {
                    let (version, writes) =
                        base.as_ref().map_or((None, 0), |base| (Some(base.version), base.writes));
                    let writes = writes.wrapping_add(1);
                    let written = self.0.objects.write(&group.object, version, writes, &entries).await;
                    written.map(|object| self.index_mut().apply(object))
                }
            };
            match written {
                Err(StoreError::Conflict) => {
                    base = self.fetch(&group.object).await?;
                    is_fresh = true;
                }
                written => return written,
            }
        }
        Err(StoreError::Conflict)
    }
}

impl Group {
    /// Whether anything is expected of the object.
    fn expects(&self) -> bool {
        self.changes.iter().any(|change| change.expect != Expect::Any)
    }

    /// Whether all that is expected of the object is so.
    fn holds(&self, base: Option<&Object>) -> bool {
        self.changes.iter().all(|change| {
            let object = base.filter(|base| base.entries.contains_key(&change.key));
            holds(change.expect, object.map(|object| object.version))
        })
    }

    /// The entries afterwards; none where nothing changes.
    fn applied(&self, base: Option<&Object>) -> Option<Entries> {
        let mut entries = base.map(|base| base.entries.clone()).unwrap_or_default();
        let mut is_changed = false;
        for Change { key, value, .. } in &self.changes {
            is_changed |= match value {
                Some(value) => {
                    entries.insert(key.clone(), value.as_slice().into());
                    true
                }
                None => entries.remove(key).is_some(),
            };
        }
        is_changed.then_some(entries)
    }
}
