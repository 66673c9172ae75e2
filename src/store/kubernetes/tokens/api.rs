//! The calls to the API server, each with an end.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::sync::Semaphore;

use super::object::{Entries, KIND_LABEL, Object};
use crate::ports::store::StoreError;

/// The longest that a call takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The objects of a namespace.
pub(super) struct Objects {
    api: Api<Secret>,
    /// Who may write at this moment.
    writers: Semaphore,
}

/// How many writes are under way at most; more wait, as long as a call may take.
const WRITERS: usize = 64;

/// The API server has not answered in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server has not answered within {} s", PATIENCE.as_secs())]
pub(super) struct TooLate;

/// The API server does not do it. Its message is left out, which names the object and so the digest of a token.
#[derive(Debug, thiserror::Error)]
#[error("the API server answers {code} {reason}")]
struct Refused {
    code: u16,
    reason: String,
}

/// The API server's answer is no object with a name and a version.
#[derive(Debug, thiserror::Error)]
#[error("the API server's answer cannot be read")]
struct Unreadable;

impl Objects {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), writers: Semaphore::new(WRITERS) }
    }

    /// For a watch over all of them.
    pub(super) fn api(&self) -> Api<Secret> {
        self.api.clone()
    }

    /// What all of them are labelled with.
    pub(super) fn selector() -> String {
        format!("{KIND_LABEL} in (token,entity,key-ring,server)")
    }

    /// The object with this name as it is now.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        let secret = within(self.api.get_opt(name)).await?;
        // What somebody else has put under the name is not ours.
        let is_ours = |secret: &Secret| {
            secret.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(KIND_LABEL))
        };
        secret.filter(is_ours).map(read).transpose()
    }

    /// The objects with this label as they are now.
    pub(super) async fn find(&self, selector: &str) -> Result<Vec<Object>, StoreError> {
        let found = within(self.api.list(&ListParams::default().labels(selector))).await?;
        found.items.into_iter().map(read).collect()
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
        let secret = secret.ok_or_else(|| StoreError::Failed(Box::new(Unreadable)))?;
        let parameters = PostParams::default();
        let write = async {
            let _turn = self.writers.acquire().await;
            match version {
                Some(_) => self.api.replace(name, &parameters, &secret).await,
                None => self.api.create(&parameters, &secret).await,
            }
        };
        let written = within(write).await;
        read(if version.is_some() { written.map_err(gone) } else { written }?)
    }

    /// Deletes that version of an object. [`StoreError::Conflict`] where it is another.
    pub(super) async fn delete(&self, name: &str, version: u64) -> Result<(), StoreError> {
        let preconditions = Preconditions { resource_version: Some(version.to_string()), uid: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let delete = async {
            let _turn = self.writers.acquire().await;
            self.api.delete(name, &parameters).await
        };
        within(delete).await.map(drop).map_err(gone)
    }
}

fn read(secret: Secret) -> Result<Object, StoreError> {
    Object::read(secret).ok_or_else(|| StoreError::Failed(Box::new(Unreadable)))
}

/// An object that is not there any more has been changed by somebody else.
fn gone(error: StoreError) -> StoreError {
    match error {
        StoreError::Failed(cause) if matches!(cause.downcast_ref(), Some(Refused { code: 404, .. })) => {
            StoreError::Conflict
        }
        error => error,
    }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>> + Send) -> Result<T, StoreError> {
    let Ok(answer) = tokio::time::timeout(PATIENCE, call).await else {
        return Err(StoreError::Away(Box::new(TooLate)));
    };
    answer.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 409 => StoreError::Conflict,
        kube::Error::Api(status) => {
            let refused = Box::new(Refused { code: status.code, reason: status.reason.clone() });
            let passes = matches!(status.code, 429 | 500..=599);
            if passes { StoreError::Away(refused) } else { StoreError::Failed(refused) }
        }
        kube::Error::SerdeError(_) => StoreError::Failed(Box::new(Unreadable)),
        error => StoreError::Away(Box::new(error)),
    })
}
