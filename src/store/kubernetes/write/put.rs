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
use crate::store::kubernetes::asking::Asking;
use crate::store::kubernetes::convert::{
    Annotations, LOCAL, OLD_NAMES, SELECTOR_TEXT, UNREADABLE, unreadable,
};
use crate::store::kubernetes::feed::{Claiming, Readable};

/// How often a write is tried again after somebody else's.
const TRIES: u32 = 5;

/// What people declare is no secret.
const ASKING: Asking = Asking { patience: Duration::from_secs(10), is_open: true };

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
    /// The same objects, of which one need not be readable.
    pub(super) claims: &'a Api<Readable<K>>,
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

impl<K: Object + Claiming> Put<'_, K> {
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
                    (ASKING.change(self.api.replace(&name, &params(), &new)).await, name)
                }
                None => {
                    let mut new = make(None);
                    new.meta_mut().name = Some(name.clone());
                    (ASKING.ask(self.api.create(&params(), &new)).await, name.clone())
                }
            };
            match done {
                Ok(done) => return Ok((written(&done), before)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
            let now = ASKING.ask(self.claims.get_opt(&name_of)).await?.map(Readable::into_object);
            match now {
                Some(now) if !is_it(&now) && before.is_none() => std::mem::swap(&mut name, &mut other),
                // What is there is not known, and whoever asks again meets what the feed makes of it.
                Some(now) if unreadable(now.meta()).is_some() && is_it(&now) => {
                    return Err(StoreError::Conflict);
                }
                now if self.basis == Basis::Laid && !is_same(self.before, now.as_ref()) => {
                    return Err(StoreError::Conflict);
                }
                now => before = now.filter(&is_it),
            }
        }
        Err(StoreError::Conflict)
    }
}

/// Deletes this very object, if it is still there.
pub(super) async fn delete<K: Object>(api: &Api<K>, object: &K) -> Result<(), StoreError> {
    let meta = object.meta();
    let preconditions = Preconditions { uid: meta.uid.clone(), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match ASKING.change(api.delete(meta.name.as_deref().unwrap_or_default(), &params)).await {
        // It is gone, or another has taken its name.
        Err(StoreError::Conflict) => Ok(()),
        done => done.map(drop),
    }
}

/// Creates an object whose content is secret: what the API server says of it is not told.
pub(super) async fn create_secret<K: Object>(api: &Api<K>, object: &K) -> Result<Written, StoreError> {
    let asking = Asking { is_open: false, ..ASKING };
    asking.ask(api.create(&params(), object)).await.map(|done| written(&done))
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
