//! What operators should know of the process: what is pending, and what is wrong although it serves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Conditions by subject (`mount kubernetes`, `store`), each with a plain sentence. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    troubles: Arc<Mutex<BTreeMap<String, String>>>,
    details: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Health {
    /// Notes what is wrong with a subject; the newest sentence stays. True if it was not noted already.
    pub fn trouble(&self, subject: &str, sentence: &str) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.insert(subject.to_owned(), sentence.to_owned()).as_deref() != Some(sentence)
    }

    /// Takes a subject's trouble back. True if there was one.
    pub fn recovered(&self, subject: &str) -> bool {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(subject).is_some()
    }

    /// Notes what operators may want to know of a subject although nothing is wrong, such as a feature that its cluster does
    /// not offer; the newest sentence stays. True if it was not noted already.
    pub fn detail(&self, subject: &str, sentence: &str) -> bool {
        let mut details = self.details.lock().unwrap_or_else(PoisonError::into_inner);
        details.insert(subject.to_owned(), sentence.to_owned()).as_deref() != Some(sentence)
    }

    /// Takes a subject's detail back. True if there was one.
    pub fn without_detail(&self, subject: &str) -> bool {
        self.details.lock().unwrap_or_else(PoisonError::into_inner).remove(subject).is_some()
    }

    /// All details at this moment.
    pub fn details(&self) -> BTreeMap<String, String> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All troubles at this moment.
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
