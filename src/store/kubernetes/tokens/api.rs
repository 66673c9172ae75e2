//! The calls to the API server, each with an end.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::sync::Semaphore;

use super::object::{Entries, KIND_LABEL, Object};
use crate::ports::store::StoreError;
use crate::store::kubernetes::asking::{Asking, Unreadable};

/// The longest that a call takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The API server's words name the object, and so the digest of a token.
const ASKING: Asking = Asking { patience: PATIENCE, is_open: false };

/// The objects of a namespace.
pub(super) struct Objects {
    api: Api<Secret>,
    /// Who may write at this moment.
    writers: Semaphore,
}

/// How many writes are under way at most; more wait, as long as a call may take.
const WRITERS: usize = 64;

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
        let secret = ASKING.ask(self.api.get_opt(name)).await?;
        // What somebody else has put under the name is not ours.
        let is_ours = |secret: &Secret| {
            secret.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(KIND_LABEL))
        };
        secret.filter(is_ours).map(read).transpose()
    }

    /// The objects with this label as they are now.
    pub(super) async fn find(&self, selector: &str) -> Result<Vec<Object>, StoreError> {
        let found = ASKING.ask(self.api.list(&ListParams::default().labels(selector))).await?;
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
        read(if version.is_some() { ASKING.change(write).await } else { ASKING.ask(write).await }?)
    }

    /// Deletes that version of an object. [`StoreError::Conflict`] where it is another.
    pub(super) async fn delete(&self, name: &str, version: u64) -> Result<(), StoreError> {
        let preconditions = Preconditions { resource_version: Some(version.to_string()), uid: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let delete = async {
            let _turn = self.writers.acquire().await;
            self.api.delete(name, &parameters).await
        };
        ASKING.change(delete).await.map(drop)
    }
}

fn read(secret: Secret) -> Result<Object, StoreError> {
    Object::read(secret).ok_or_else(|| StoreError::Failed(Box::new(Unreadable)))
}
