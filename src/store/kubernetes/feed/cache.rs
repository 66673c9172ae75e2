//! All objects of one kind, as the API server has told of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt as _};

use crate::watching::{Lost, is_refused, is_too_old};

/// What an event has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Nothing that counts.
    Nothing,
    /// What is beside the content: a status, a label.
    Beside,
    /// What the objects say.
    Content,
}

/// Objects by their names.
pub(in crate::store::kubernetes) type Objects<K> = Arc<BTreeMap<String, Arc<K>>>;

/// The objects of one kind. A new list takes the place of the old one when it is complete.
#[derive(Debug)]
pub(super) struct Cache<K> {
    objects: Objects<K>,
    coming: Option<BTreeMap<String, Arc<K>>>,
    complete: bool,
    // Why it may not be watched, and whether it was listed since.
    refused: Option<(Lost, bool)>,
    same: fn(&K, &K) -> bool,
}

impl<K: Resource> Cache<K> {
    /// No objects yet; `same` says whether two of them say the same.
    pub(super) fn new(same: fn(&K, &K) -> bool) -> Self {
        Self { objects: Objects::default(), coming: None, complete: false, refused: None, same }
    }

    /// All objects.
    pub(super) fn objects(&self) -> Objects<K> {
        Arc::clone(&self.objects)
    }

    /// Whether a whole list has come since [`Cache::begin`].
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The watch begins anew: what is there stays until a whole list has come.
    pub(super) fn begin(&mut self) {
        (self.coming, self.complete, self.refused) = (None, false, None);
    }

    /// Takes what the watch of `kind` says.
    ///
    /// # Errors
    /// Where it must begin anew. That a version is too old, or that the kind may be listed alone, is no error: a new list
    /// follows by itself.
    pub(super) fn hear(
        &mut self,
        kind: &'static str,
        said: Result<Event<K>, watcher::Error>,
    ) -> Result<Touch, Lost> {
        match said {
            Ok(event) => Ok(self.take(event)),
            Err(error) if is_too_old(&error) => Ok(Touch::Nothing),
            Err(error) if is_refused(&error) => {
                self.refused = Some((Lost::watch(kind, &error), false));
                Ok(Touch::Nothing)
            }
            Err(error) => Err(Lost::watch(kind, &error)),
        }
    }

    /// Why the kind may not be watched.
    pub(super) fn refused(&self) -> Option<&Lost> {
        self.refused.as_ref().map(|(lost, _)| lost)
    }

    /// The API server has answered something else: what was refused before the last list is not refused any more.
    pub(super) fn alive(&mut self) {
        self.refused.take_if(|(_, listed)| *listed);
    }

    /// Takes an event.
    fn take(&mut self, event: Event<K>) -> Touch {
        match event {
            Event::Init => {
                self.coming = Some(BTreeMap::new());
                Touch::Nothing
            }
            Event::InitApply(object) => {
                self.coming.get_or_insert_default().insert(object.name_any(), Arc::new(object));
                Touch::Nothing
            }
            Event::InitDone => self.replace(),
            Event::Apply(object) => {
                let name = object.name_any();
                let before = self.objects.get(&name);
                let touch = match before {
                    Some(before) if self.is_same(before, &object) => Touch::Beside,
                    _ => Touch::Content,
                };
                Arc::make_mut(&mut self.objects).insert(name, Arc::new(object));
                touch
            }
            Event::Delete(object) => match Arc::make_mut(&mut self.objects).remove(&object.name_any()) {
                Some(_) => Touch::Content,
                None => Touch::Nothing,
            },
        }
    }

    fn replace(&mut self) -> Touch {
        let coming = self.coming.take().unwrap_or_default();
        self.complete = true;
        if let Some((_, listed)) = &mut self.refused {
            *listed = true;
        }
        let alike = coming.len() == self.objects.len()
            && coming
                .iter()
                .zip(&*self.objects)
                .all(|((name, new), (known, old))| name == known && self.is_same(old, new));
        self.objects = Arc::new(coming);
        if alike { Touch::Beside } else { Touch::Content }
    }

    fn is_same(&self, old: &K, new: &K) -> bool {
        old.meta().uid == new.meta().uid && (self.same)(old, new)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::{Cache, Touch};

    fn map(name: &str, uid: &str, value: &str, label: &str) -> ConfigMap {
        let object = json!({
            "metadata": { "name": name, "uid": uid, "labels": { "a": label } },
            "data": { "value": value },
        });
        serde_json::from_value(object).unwrap()
    }

    fn cache() -> Cache<ConfigMap> {
        let mut cache = Cache::new(|old: &ConfigMap, new| old.data == new.data);
        for event in [Event::Init, Event::InitApply(map("a", "1", "v", "l")), Event::InitDone] {
            cache.take(event);
        }
        cache
    }

    fn names(cache: &Cache<ConfigMap>) -> Vec<String> {
        cache.objects().keys().cloned().collect()
    }

    #[test]
    fn only_what_an_object_says_is_content() {
        let mut cache = cache();
        assert_eq!(cache.take(Event::Apply(map("a", "1", "v", "other"))), Touch::Beside);
        assert_eq!(cache.take(Event::Apply(map("a", "1", "w", "other"))), Touch::Content);
        assert_eq!(cache.take(Event::Apply(map("a", "2", "w", "other"))), Touch::Content, "created anew");
        assert_eq!(cache.take(Event::Apply(map("b", "3", "w", "l"))), Touch::Content);
        assert_eq!(cache.take(Event::Delete(map("b", "3", "w", "l"))), Touch::Content);
        assert_eq!(cache.take(Event::Delete(map("b", "3", "w", "l"))), Touch::Nothing);
    }

    #[test]
    fn a_list_counts_when_it_is_whole_and_what_it_lacks_is_gone() {
        let mut cache = cache();
        cache.begin();
        assert!(!cache.is_complete());
        assert_eq!(cache.take(Event::Init), Touch::Nothing);
        assert_eq!(cache.take(Event::InitApply(map("b", "2", "v", "l"))), Touch::Nothing);
        assert_eq!((names(&cache), cache.is_complete()), (vec!["a".to_owned()], false));
        assert_eq!(cache.take(Event::InitDone), Touch::Content);
        assert_eq!((names(&cache), cache.is_complete()), (vec!["b".to_owned()], true));
    }

    #[test]
    fn a_list_of_the_same_objects_changes_nothing() {
        let mut cache = cache();
        cache.begin();
        cache.take(Event::Init);
        cache.take(Event::InitApply(map("a", "1", "v", "other")));
        assert_eq!(cache.take(Event::InitDone), Touch::Beside);
    }

    #[test]
    fn a_list_that_was_broken_off_is_forgotten() {
        let mut cache = cache();
        cache.begin();
        cache.take(Event::Init);
        cache.take(Event::InitApply(map("half", "2", "v", "l")));
        cache.begin();
        for event in [Event::Init, Event::InitApply(map("c", "3", "v", "l")), Event::InitDone] {
            cache.take(event);
        }
        assert_eq!(names(&cache), ["c"]);
    }
}
