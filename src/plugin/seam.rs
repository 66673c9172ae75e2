//! Where the protocol ends and the backend begins.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::wire::pb;

/// An answer that may take a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the core does for one mount: its storage (`pb.Storage`) and its leases (`pb.SystemView`). Every wait is bounded.
pub trait Core: Send + Sync + Debug {
    /// An entry's value, if there is one.
    fn get<'a>(&'a self, key: &'a str) -> Later<'a, Result<Option<Vec<u8>>, CoreError>>;

    /// Sets an entry's value.
    fn put<'a>(&'a self, key: &'a str, value: Vec<u8>) -> Later<'a, Result<(), CoreError>>;

    /// Takes an entry away, if it is there.
    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), CoreError>>;

    /// The names below a prefix that ends in `/`, without it; folders end in `/`.
    fn list<'a>(&'a self, prefix: &'a str) -> Later<'a, Result<Vec<String>, CoreError>>;

    /// The mount's longest lease in seconds.
    fn max_lease(&self) -> Later<'_, Result<i64, CoreError>>;
}

/// The core has not done what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// Its own words: a standby, a sealed core, a storage that fails.
    #[error("{0}")]
    Refused(String),
    /// It cannot be reached, or does not answer in time.
    #[error("the core cannot be asked: {0}")]
    Away(String),
}

/// One mount's backend.
pub trait Backend: Send + Sync + Debug {
    /// Answers a request (`pb.Backend/HandleRequest`).
    fn handle<'a>(
        &'a self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Later<'a, pb::HandleRequestReply>;

    /// Whether a write would create or update (`pb.Backend/HandleExistenceCheck`).
    fn exists<'a>(
        &'a self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Later<'a, pb::HandleExistenceCheckReply>;

    /// An entry of the storage has changed elsewhere (`pb.Backend/InvalidateKey`).
    fn invalidate(&self, key: &str);
}

/// Makes a backend for each mount.
pub trait Backends: Send + Sync + Debug {
    /// A backend on what the core does for it. Nothing is asked of the core before the first request.
    fn open(&self, core: Arc<dyn Core>) -> Arc<dyn Backend>;
}
