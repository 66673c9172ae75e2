//! Secrets that hold the tokens of reviewers: one for each value, never changed.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Object;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;

use super::Declared;
use super::put::{create_secret, delete};
use super::shown::Awaited;
use crate::core::secret::Secret;
use crate::ports::store::StoreError;
use crate::store::kubernetes::resources::{GateMount, REVIEWER, Reference, TOKEN};

/// Names the GateMount that a Secret was written for. A Secret without it is not ours, and stays.
const WRITTEN_FOR: &str = "rolegate.dev/written-for";

impl Declared {
    /// Where the token is: in the Secret that the mount refers to, if it holds the same, else in a new one. A new one
    /// is known to this replica's feed when this returns.
    pub(super) async fn reviewer(&self, mount: &GateMount, jwt: &Secret) -> Result<Reference, StoreError> {
        let seen = self.seen();
        let current = mount.spec.token_reviewer_ref.as_ref();
        if let Some(current) = current
            && seen.secrets.get(&current.name).is_some_and(|secret| holds(secret, jwt))
        {
            return Ok(current.clone());
        }
        let written = create_secret(&self.api(), &object(mount, jwt)).await?;
        let reference = Reference { name: written.name.clone() };
        let mut known = Awaited::default();
        known.put(written, |seen| &seen.secrets);
        known.shown(self.seen.clone()).await;
        Ok(reference)
    }

    /// Deletes a Secret that the mount does not refer to any more, if it was written here for the mount.
    pub(super) async fn forget_reviewer(&self, mount: &GateMount, old: Option<Reference>) {
        let seen = self.seen();
        let Some(secret) = old.and_then(|old| seen.secrets.get(&old.name)) else { return };
        if is_of(secret, mount) {
            self.delete_secret(secret).await;
        }
    }

    /// Deletes all Secrets that were written for a mount that is gone.
    pub(super) async fn forget_reviewers(&self, mount: &GateMount) {
        for secret in self.seen().secrets.values().filter(|secret| is_of(secret, mount)) {
            self.delete_secret(secret).await;
        }
    }

    /// What cannot be deleted now goes with the mount, by the API server's own garbage collection.
    async fn delete_secret(&self, secret: &Object) {
        if let Err(error) = delete(&self.api(), secret).await {
            let cause = crate::errors::with_causes(&error);
            tracing::warn!(secret = secret.metadata.name, cause, "a Secret that nobody needs is still there");
        }
    }
}

fn is_of(secret: &Object, mount: &GateMount) -> bool {
    let written_for = secret.metadata.annotations.as_ref().and_then(|all| all.get(WRITTEN_FOR));
    written_for.is_some() && written_for == mount.metadata.name.as_ref()
}

fn holds(secret: &Object, jwt: &Secret) -> bool {
    let token = secret.data.as_ref().and_then(|data| data.get(TOKEN));
    token.is_some_and(|ByteString(token)| token == jwt.expose().as_bytes())
}

fn object(mount: &GateMount, jwt: &Secret) -> Object {
    let of_mount = mount.metadata.name.clone().unwrap_or_default();
    let (label, value) = REVIEWER;
    let owner = OwnerReference {
        api_version: GateMount::api_version(&()).into_owned(),
        kind: GateMount::kind(&()).into_owned(),
        name: of_mount.clone(),
        uid: mount.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    Object {
        metadata: ObjectMeta {
            generate_name: Some(format!("{of_mount}-reviewer-")),
            labels: Some(BTreeMap::from([(label.to_owned(), value.to_owned())])),
            annotations: Some(BTreeMap::from([(WRITTEN_FOR.to_owned(), of_mount)])),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(TOKEN.to_owned(), ByteString(jwt.expose().as_bytes().to_vec()))])),
        immutable: Some(true),
        ..Object::default()
    }
}
