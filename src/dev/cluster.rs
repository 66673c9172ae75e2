//! The stand-in cluster of `rolegate dev`: the few Kubernetes paths that rolegate and `kubectl create token` need.
//!
//! It signs and verifies for real, keeps everything in memory and grants nothing but to its two static bearers, so
//! a request that works here works against a real API server.

mod access;
mod action;
mod body;
mod discovery;
mod keys;
mod kinds;
mod objects;
mod protobuf;
mod resources;
mod reviews;
mod routes;
mod status;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::core::secret::Secret;
use crate::ports::Clock;

pub use self::status::Refusal;

/// The issuer of the cluster's tokens, and the audience of a token that asks for none.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A Kubernetes API server of a few paths, held in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    keys: keys::Keys,
    objects: objects::Objects,
    admin: Secret,
    reviewer: Secret,
}

/// Why the stand-in cluster could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No RSA key.
    #[error("the signing key could not be made")]
    Key(#[from] rcgen::Error),
    /// A key that cannot be used for JWTs.
    #[error("the signing key could not be used")]
    Jwt(#[from] jsonwebtoken::errors::Error),
    /// No random bytes from the operating system.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// What the API would have answered.
    #[error("the stand-in cluster refused")]
    Refused(#[from] Refusal),
}

impl Cluster {
    /// An empty cluster with a new RSA key and new static bearers.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, ClusterError> {
        Ok(Self(Arc::new(Inner {
            clock,
            keys: keys::Keys::generate()?,
            objects: objects::Objects::default(),
            admin: static_bearer()?,
            reviewer: static_bearer()?,
        })))
    }

    /// Creates a service account, and its namespace where missing. Gives the account's uid.
    pub fn add_service_account(&self, namespace: &str, name: &str) -> Result<String, ClusterError> {
        Ok(self.0.objects.add_service_account(namespace, name, self.now())?)
    }

    /// The API. It opens no socket; whoever serves it bounds its connections.
    pub fn router(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// A kubeconfig (YAML) for the API at `url` (`http://host:port`); it holds the administrator's bearer.
    pub fn kubeconfig(&self, url: &str) -> String {
        access::kubeconfig(url, self.0.admin.expose())
    }

    /// A bearer that may create TokenReviews and SubjectAccessReviews and read namespaces.
    pub fn reviewer_token(&self) -> &Secret {
        &self.0.reviewer
    }

    /// A service account's token, as TokenRequest makes it: at least 600 seconds, no audience means [`ISSUER`].
    pub fn mint(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[String],
        seconds: i64,
    ) -> Result<Secret, ClusterError> {
        Ok(self.issue(namespace, name, audiences, seconds)?.token)
    }

    fn now(&self) -> i64 {
        self.0.clock.unix_now()
    }
}

fn static_bearer() -> Result<Secret, ClusterError> {
    let bytes: [u8; 32] = random().map_err(ClusterError::Random)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
