//! What was parsed of objects that have not changed since.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::core::role::Role;

/// The outcomes of the last assembly, by the objects' uids. Never holds more than there are objects.
#[derive(Debug, Default)]
pub(super) struct Memo {
    pub(super) roles: Known<Role>,
    pub(super) policies: Known<str>,
}

impl Memo {
    /// Forgets what this assembly had no use for.
    pub(super) fn forget_the_unused(&mut self) {
        self.roles.forget_the_unused();
        self.policies.forget_the_unused();
    }
}

/// What objects of one kind came to, or what is wrong with them.
#[derive(Debug)]
pub(super) struct Known<T: ?Sized>(HashMap<String, Entry<T>>);

/// What an object came to, or what is wrong with it.
pub(super) type Parsed<T> = Result<Arc<T>, Arc<str>>;

#[derive(Debug)]
struct Entry<T: ?Sized> {
    version: String,
    /// The bound that it was parsed under.
    bound: i64,
    parsed: Parsed<T>,
    used: bool,
}

impl<T: ?Sized> Default for Known<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: ?Sized> Known<T> {
    /// What the object came to under this bound, parsed only where that is not known.
    pub(super) fn of(
        &mut self,
        metadata: &ObjectMeta,
        bound: i64,
        parse: impl FnOnce() -> Parsed<T>,
    ) -> Parsed<T> {
        let (Some(uid), Some(version)) = (&metadata.uid, &metadata.resource_version) else { return parse() };
        if let Some(entry) = self.0.get_mut(uid)
            && entry.version == *version
            && entry.bound == bound
        {
            entry.used = true;
            return entry.parsed.clone();
        }
        let parsed = parse();
        let entry = Entry { version: version.clone(), bound, parsed: parsed.clone(), used: true };
        self.0.insert(uid.clone(), entry);
        parsed
    }

    fn forget_the_unused(&mut self) {
        self.0.retain(|_, entry| std::mem::take(&mut entry.used));
    }
}
