//! One object written with optimistic concurrency.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::store::StoreError;
use crate::store::kubernetes::convert::{Annotations, LOCAL, OLD_NAMES, SELECTOR_TEXT, UNREADABLE};

/// How often a write is tried again after somebody else's.
const TRIES: u32 = 5;

/// How long the API server may take over one question.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who manages the fields that are written here.
const MANAGER: &str = "rolegate";

/// An object of ours.
pub(in crate::store::kubernetes) trait Object:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static
{
}

/// What a new value rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// It is whole: what was there before does not matter.
    Whole,
    /// It was laid over what was there: somebody else's write makes it wrong.
    Laid,
}

/// A write of one object.
pub(super) struct Put<'a, K> {
    pub(super) api: &'a Api<K>,
    /// As it was seen last; none: it is to be created.
    pub(super) before: Option<&'a K>,
    /// The names of a new object, in the order of preference.
    pub(super) names: [String; 2],
    pub(super) basis: Basis,
}

/// Which state of which object it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    generation: i64,
}

impl<K: Object> Put<'_, K> {
    /// Writes what `make` makes of the object as it is; `is_it` tells an object of that name from another's. Gives the
    /// object that was replaced as well.
    pub(super) async fn write(
        self,
        is_it: impl Fn(&K) -> bool + Send + Sync,
        make: impl Fn(Option<&K>) -> K + Send + Sync,
    ) -> Result<(Written, Option<K>), StoreError> {
        let mut before = self.before.cloned();
        let [mut name, mut other] = self.names.clone();
        for _ in 0..TRIES {
            let (done, name_of) = match &before {
                Some(old) => {
                    let mut new = make(Some(old));
                    *new.meta_mut() = metadata_of(old, new.meta());
                    let name = old.meta().name.clone().unwrap_or_default();
                    (replaced(asked(self.api.replace(&name, &params(), &new)).await), name)
                }
                None => {
                    let mut new = make(None);
                    new.meta_mut().name = Some(name.clone());
                    (patient(self.api.create(&params(), &new)).await, name.clone())
                }
            };
            match done {
                Ok(done) => return Ok((written(&done), before)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
            let now = patient(self.api.get_opt(&name_of)).await?;
            match now {
                Some(now) if !is_it(&now) && before.is_none() => std::mem::swap(&mut name, &mut other),
                now if self.basis == Basis::Laid && !is_same(self.before, now.as_ref()) => {
                    return Err(StoreError::Conflict);
                }
                now => before = now.filter(&is_it),
            }
        }
        Err(StoreError::Conflict)
    }
}

/// An object that has gone meanwhile is as one that was changed.
fn replaced<K>(answer: Result<Result<K, kube::Error>, StoreError>) -> Result<K, StoreError> {
    match answer? {
        Err(kube::Error::Api(status)) if status.code == 404 => Err(StoreError::Conflict),
        done => done.map_err(of_kube),
    }
}

/// Deletes this very object, if it is still there.
pub(super) async fn delete<K: Object>(api: &Api<K>, object: &K) -> Result<(), StoreError> {
    let meta = object.meta();
    let preconditions = Preconditions { uid: meta.uid.clone(), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match asked(api.delete(meta.name.as_deref().unwrap_or_default(), &params)).await? {
        Ok(_) => Ok(()),
        // It is gone, or another has taken its name.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(of_kube(error)),
    }
}

/// Creates an object whose content is secret: what the API server says of it stays in the log.
pub(super) async fn create_secret<K: Object>(api: &Api<K>, object: &K) -> Result<Written, StoreError> {
    match asked(api.create(&params(), object)).await? {
        Ok(done) => Ok(written(&done)),
        Err(kube::Error::Api(status)) if status.code == 422 => {
            Err(StoreError::Invalid("the API server does not take the token as a Secret".to_owned()))
        }
        Err(error) => Err(of_kube(error)),
    }
}

fn written<K: Object>(object: &K) -> Written {
    let meta = object.meta();
    Written {
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        version: meta.resource_version.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or_default(),
    }
}

/// Whether nobody has changed what the object says.
fn is_same<K: Object>(before: Option<&K>, now: Option<&K>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => {
            let (before, now) = (written(before), written(now));
            before.uid == now.uid && before.generation == now.generation
        }
        (None, None) => true,
        _ => false,
    }
}

/// The object with these annotations.
pub(super) fn annotated<K: Object>(mut object: K, annotations: Annotations) -> K {
    object.meta_mut().annotations = Some(annotations);
    object
}

/// An object's metadata when it is replaced: as it is, with the new annotations of ours.
fn metadata_of<K: Object>(old: &K, new: &ObjectMeta) -> ObjectMeta {
    let mut annotations = old.meta().annotations.clone().unwrap_or_default();
    annotations.retain(|name, _| ![OLD_NAMES, SELECTOR_TEXT, LOCAL, UNREADABLE].contains(&name.as_str()));
    annotations.extend(new.annotations.clone().unwrap_or_default());
    ObjectMeta { managed_fields: None, annotations: Some(annotations), ..old.meta().clone() }
}

fn params() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) }
}

async fn patient<T>(asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, StoreError> {
    asked(asking).await?.map_err(of_kube)
}

async fn asked<T>(
    asking: impl Future<Output = Result<T, kube::Error>>,
) -> Result<Result<T, kube::Error>, StoreError> {
    tokio::time::timeout(PATIENCE, asking).await.map_err(|elapsed| StoreError::Away(elapsed.into()))
}

/// What an answer of the API server means for the caller.
fn of_kube(error: kube::Error) -> StoreError {
    let kube::Error::Api(status) = &error else { return StoreError::Away(error.into()) };
    match status.code {
        409 => StoreError::Conflict,
        422 => StoreError::Invalid(format!("the API server refuses it: {}", status.message)),
        429 | 500..=599 => StoreError::Away(error.into()),
        _ => StoreError::Failed(error.into()),
    }
}
