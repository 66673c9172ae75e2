//! The calls to the API server, each with an end.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, Client};

use super::object::{Entries, KIND_LABEL, Object};
use crate::ports::store::StoreError;

/// The longest that a call takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The objects of a namespace.
#[derive(Clone)]
pub(super) struct Objects(Api<Secret>);

/// The API server has not answered in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server has not answered within {} s", PATIENCE.as_secs())]
pub(super) struct TooLate;

/// The API server's answer is none that can be.
#[derive(Debug, thiserror::Error)]
#[error("the API server's answer has no name or no version")]
struct Nameless;

impl Objects {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self(Api::namespaced(client, namespace))
    }

    /// For a watch over all of them.
    pub(super) fn api(&self) -> Api<Secret> {
        self.0.clone()
    }

    /// What all of them are labelled with.
    pub(super) fn selector() -> String {
        format!("{KIND_LABEL} in (token,entity,key-ring)")
    }

    /// The object with this name as it is now.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        let secret = within(self.0.get_opt(name)).await?;
        // What somebody else has put under the name is not ours.
        let is_ours = |secret: &Secret| {
            secret.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(KIND_LABEL))
        };
        secret.filter(is_ours).map(read).transpose()
    }

    /// The objects with this label as they are now.
    pub(super) async fn find(&self, selector: &str) -> Result<Vec<Object>, StoreError> {
        let found = within(self.0.list(&ListParams::default().labels(selector))).await?;
        found.items.into_iter().map(read).collect()
    }

    /// Whether the API server answers.
    pub(super) async fn beat(&self) -> Result<(), StoreError> {
        let one = ListParams::default().labels(&Self::selector()).limit(1);
        within(self.0.list_metadata(&one)).await.map(drop)
    }

    /// Writes an object: over that version alone, or as a new one. [`StoreError::Conflict`] where it is another.
    pub(super) async fn write(
        &self,
        name: &str,
        version: Option<u64>,
        writes: u64,
        entries: &Entries,
    ) -> Result<Object, StoreError> {
        let secret = Object::secret(name, version, writes, entries);
        let secret = secret.ok_or_else(|| StoreError::Failed(Box::new(Nameless)))?;
        let parameters = PostParams::default();
        let written = match version {
            Some(_) => within(self.0.replace(name, &parameters, &secret)).await.map_err(gone),
            None => within(self.0.create(&parameters, &secret)).await,
        };
        read(written?)
    }

    /// Deletes that version of an object. [`StoreError::Conflict`] where it is another.
    pub(super) async fn delete(&self, name: &str, version: u64) -> Result<(), StoreError> {
        let preconditions = Preconditions { resource_version: Some(version.to_string()), uid: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        within(self.0.delete(name, &parameters)).await.map(drop).map_err(gone)
    }
}

fn read(secret: Secret) -> Result<Object, StoreError> {
    Object::read(secret).ok_or_else(|| StoreError::Failed(Box::new(Nameless)))
}

/// An object that is not there any more has been changed by somebody else.
fn gone(error: StoreError) -> StoreError {
    match error {
        StoreError::Failed(cause) if status(&*cause) == Some(404) => StoreError::Conflict,
        error => error,
    }
}

fn status(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<u16> {
    match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>> + Send) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if status(&error) == Some(409) => Err(StoreError::Conflict),
        Ok(Err(error)) => Err(StoreError::Failed(Box::new(error))),
        Err(_) => Err(StoreError::Failed(Box::new(TooLate))),
    }
}
