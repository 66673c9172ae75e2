//! Namespaces and service accounts, in memory and bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::List;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta, Time};

use super::Refusal;
use super::kinds::{Key, Kind, Tables, check_name, new_uid};

/// The most objects that are held.
const MAX_OBJECTS: usize = 10_000;

/// All objects of one cluster.
#[derive(Debug, Default)]
pub(super) struct Objects(Mutex<Tables>);

impl Objects {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get<T: Kind>(&self, key: &Key) -> Result<T, Refusal> {
        let found = T::table(&mut self.lock()).get(key).cloned();
        found.ok_or_else(|| Refusal::not_found(T::URL_PATH_SEGMENT, &key.name))
    }

    /// The objects of one namespace, or of all; those of one name where given.
    pub(super) fn list<T: Kind>(&self, namespace: Option<&str>, name: Option<&str>) -> List<T> {
        let mut tables = self.lock();
        let wanted = |key: &Key| {
            namespace.is_none_or(|only| only == key.namespace) && name.is_none_or(|only| only == key.name)
        };
        let found = T::table(&mut tables).iter().filter(|(key, _)| wanted(key));
        let items = found.map(|(_, object)| object.clone()).collect();
        let resource_version = Some(tables.version.to_string());
        List { items, metadata: ListMeta { resource_version, ..ListMeta::default() } }
    }

    /// Keeps a new object; `now` is in seconds since 1970.
    pub(super) fn create<T: Kind>(&self, namespace: &str, mut object: T, now: i64) -> Result<T, Refusal> {
        let name = object.metadata().name.clone().unwrap_or_default();
        check_name::<T>(&name)?;
        if object.metadata().namespace.as_deref().is_some_and(|own| own != namespace) {
            let message = "the namespace of the object is not the namespace of the request";
            return Err(Refusal::bad_request(message));
        }
        let uid = new_uid()?;
        let mut tables = self.lock();
        if !namespace.is_empty() && !tables.namespaces.contains_key(&Key::new("", namespace)) {
            return Err(Refusal::not_found("namespaces", namespace));
        }
        let key = Key::new(namespace, &name);
        if T::table(&mut tables).contains_key(&key) {
            return Err(Refusal::already_exists(T::URL_PATH_SEGMENT, &name));
        }
        if tables.namespaces.len().saturating_add(tables.accounts.len()) >= MAX_OBJECTS {
            let message = format!("the stand-in cluster holds at most {MAX_OBJECTS} objects");
            return Err(Refusal::forbidden(message));
        }
        tables.version = tables.version.saturating_add(1);
        let given = object.metadata();
        *object.metadata_mut() = ObjectMeta {
            annotations: given.annotations.clone(),
            creation_timestamp: time(now),
            labels: given.labels.clone(),
            name: Some(name),
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            resource_version: Some(tables.version.to_string()),
            uid: Some(uid),
            ..ObjectMeta::default()
        };
        object.complete();
        T::table(&mut tables).insert(key, object.clone());
        Ok(object)
    }

    /// Drops an object, and a namespace's service accounts with it.
    pub(super) fn delete<T: Kind>(&self, key: &Key) -> Result<T, Refusal> {
        let mut tables = self.lock();
        let gone = T::table(&mut tables).remove(key);
        let gone = gone.ok_or_else(|| Refusal::not_found(T::URL_PATH_SEGMENT, &key.name))?;
        if key.namespace.is_empty() {
            tables.accounts.retain(|account, _| account.namespace != key.name);
        }
        tables.version = tables.version.saturating_add(1);
        Ok(gone)
    }

    /// Creates a service account, and its namespace where missing. Gives the account's uid.
    pub(super) fn add_service_account(
        &self,
        namespace: &str,
        name: &str,
        now: i64,
    ) -> Result<String, Refusal> {
        let named = |name: &str| ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        if self.get::<Namespace>(&Key::new("", namespace)).is_err() {
            self.create("", Namespace { metadata: named(namespace), ..Namespace::default() }, now)?;
        }
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        Ok(self.create(namespace, account, now)?.metadata.uid.unwrap_or_default())
    }
}

/// Seconds since 1970 as the API writes time; none if the calendar has no such time.
pub(super) fn time(seconds: i64) -> Option<Time> {
    k8s_openapi::jiff::Timestamp::from_second(seconds).ok().map(Time)
}
