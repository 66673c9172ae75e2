//! The labels of the home cluster's namespaces while these are watched.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use crate::ports::{Clock, Labels};

/// The most namespaces that are kept.
const MOST_NAMESPACES: usize = 1 << 16;

/// The most bytes that names and labels take, estimated.
const MOST_BYTES: usize = 16 << 20;

/// More namespaces, or more bytes of labels, than are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The namespaces of one list. Bounded in number and bytes.
#[derive(Debug, Default)]
pub struct Listed {
    by_name: HashMap<String, Arc<BTreeMap<String, String>>>,
    bytes: usize,
}

impl Listed {
    /// Adds a namespace, or replaces its labels.
    ///
    /// # Errors
    /// Where there is no room for it.
    pub fn set(&mut self, name: String, labels: BTreeMap<String, String>) -> Result<(), TooMany> {
        self.remove(&name);
        let bytes = self.bytes.saturating_add(weight(&name, &labels));
        if self.by_name.len() >= MOST_NAMESPACES || bytes > MOST_BYTES {
            return Err(TooMany);
        }
        self.bytes = bytes;
        self.by_name.insert(name, Arc::new(labels));
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        if let Some(labels) = self.by_name.remove(name) {
            self.bytes = self.bytes.saturating_sub(weight(name, &labels));
        }
    }
}

/// Bytes, about.
fn weight(name: &str, labels: &BTreeMap<String, String>) -> usize {
    let labels = labels.iter().map(|(key, value)| key.len().saturating_add(value.len()).saturating_add(64));
    labels.fold(name.len().saturating_add(128), usize::saturating_add)
}

/// All namespaces with their labels, and the moment up to which every change is known. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WatchedNamespaces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    // How old labels may be.
    ttl: Duration,
    whole: RwLock<Option<Whole>>,
}

#[derive(Debug)]
struct Whole {
    listed: Listed,
    // Every change of before is in the list.
    known_at: Duration,
}

impl WatchedNamespaces {
    /// Nothing is known yet. `ttl`: how old labels may be; zero: none are ever given.
    pub fn new(clock: Arc<dyn Clock>, ttl: Duration) -> Self {
        Self(Arc::new(Inner { clock, ttl, whole: RwLock::default() }))
    }

    /// The namespace's labels; unknown where there is no such namespace. None where the namespaces are not watched, or the
    /// last sign of life of the watch is as old as labels may not be.
    pub fn labels(&self, namespace: &str) -> Option<Labels> {
        let whole = self.0.whole.read().unwrap_or_else(PoisonError::into_inner);
        let Whole { listed, known_at } = whole.as_ref()?;
        let is_current = self.0.clock.elapsed().saturating_sub(*known_at) < self.0.ttl;
        is_current.then(|| listed.by_name.get(namespace).cloned().map_or(Labels::Unknown, Labels::Known))
    }

    /// How many namespaces are kept.
    pub fn len(&self) -> usize {
        let whole = self.0.whole.read().unwrap_or_else(PoisonError::into_inner);
        whole.as_ref().map_or(0, |whole| whole.listed.by_name.len())
    }

    /// Whether none are kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a whole list in, which was asked for at `known_at` by the clock.
    pub fn replace(&self, listed: Listed, known_at: Duration) {
        *self.write() = Some(Whole { listed, known_at });
    }

    /// A namespace has appeared or changed.
    ///
    /// # Errors
    /// Where there is no room for it. Nothing is kept then, for what is kept has to be whole.
    pub fn set(&self, name: String, labels: BTreeMap<String, String>) -> Result<(), TooMany> {
        let mut whole = self.write();
        let set = whole.as_mut().map_or(Ok(()), |whole| whole.listed.set(name, labels));
        if set.is_err() {
            *whole = None;
        }
        set
    }

    /// A namespace is deleted.
    pub fn remove(&self, name: &str) {
        if let Some(whole) = self.write().as_mut() {
            whole.listed.remove(name);
        }
    }

    /// A sign of life of the watch: every change of before `known_at` has been taken in.
    pub fn confirm(&self, known_at: Duration) {
        if let Some(whole) = self.write().as_mut() {
            whole.known_at = whole.known_at.max(known_at);
        }
    }

    /// Nothing is known any more.
    pub fn clear(&self) {
        *self.write() = None;
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Whole>> {
        self.0.whole.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
