//! What the rules need from the world.

pub mod administrators;
pub mod copies;
pub mod gone;
pub mod mounts;
pub mod store;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::identity::Review;
use crate::core::jwks::LocalSignature;
use crate::core::mount::Mount;
use crate::core::reason::Undecided;
use crate::core::review_key::ReviewKey;
use crate::core::token::UnverifiedClaims;

/// Where the time comes from, so that a test can set it.
pub trait Clock: Send + Sync + Debug {
    /// Seconds since 1970-01-01T00:00:00Z, for the claims of tokens.
    fn unix_now(&self) -> i64;

    /// Time that never goes back, since some moment before; for ages and lifetimes.
    fn elapsed(&self) -> Duration;
}

/// Where bytes that nobody can guess come from.
pub trait Random: Send + Sync + Debug {
    /// Fills all of it.
    ///
    /// # Errors
    /// Where the operating system gives none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom>;
}

/// The operating system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes")]
pub struct NoRandom;

/// A question to the API server: whose token is this?
#[derive(Clone, Copy)]
pub struct ReviewQuery<'a> {
    /// The mount whose API server is asked.
    pub mount: &'a Arc<Mount>,
    /// The token as the caller sent it.
    pub token: &'a str,
    /// The token's own `exp` in seconds since 1970, if it has one; an answer is not kept longer.
    pub expires: Option<i64>,
    /// What is asked for, sorted.
    pub audiences: &'a [&'a str],
    /// What the token says of itself, where that is known; it tells whether something that it names is gone.
    pub claims: Option<&'a UnverifiedClaims>,
    /// What is known of the token's signature without the API server.
    pub signature: LocalSignature,
    key: ReviewKey,
}

impl<'a> ReviewQuery<'a> {
    /// A question; its key is computed here, once. `audiences` sorted and none twice.
    pub fn new(
        mount: &'a Arc<Mount>,
        token: &'a str,
        expires: Option<i64>,
        audiences: &'a [&'a str],
    ) -> Self {
        let key = ReviewKey::of(&mount.path, mount.generation, token, audiences);
        Self { mount, token, expires, audiences, claims: None, signature: LocalSignature::Unknown, key }
    }

    /// The same of a token that has been read.
    #[must_use]
    pub const fn of(self, claims: &'a UnverifiedClaims) -> Self {
        Self { claims: Some(claims), ..self }
    }

    /// The same of a token whose signature was looked at.
    #[must_use]
    pub const fn with_signature(self, signature: LocalSignature) -> Self {
        Self { signature, ..self }
    }

    /// What the answer is remembered under.
    pub const fn key(&self) -> ReviewKey {
        self.key
    }
}

impl Debug for ReviewQuery<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReviewQuery").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Which door a question came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Envoy's checks.
    Envoy,
    /// Vault's HTTP API.
    Vault,
    /// A Vault or OpenBao core that this process is a plugin of.
    Plugin,
}

impl Door {
    /// Every door, in the order of the discriminants.
    pub const ALL: [Self; 3] = [Self::Envoy, Self::Vault, Self::Plugin];
}

/// Where a request comes from. Of itself it proves nothing; shares of an API server are counted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Through which door.
    pub door: Door,
    /// The client's address, by the door's own `client_address`.
    pub client: Option<IpAddr>,
    /// The client's end of the connection that the request came over, where it is known.
    pub connection: Option<SocketAddr>,
}

/// Who asks, and for how long. One for a whole ask: all that is asked for it shares its time.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Where the request comes from.
    pub origin: Origin,
    /// When the ask began; `review.timeout` counts from here.
    pub began: Instant,
    /// When the caller itself stops waiting.
    pub deadline: Option<Instant>,
}

impl Caller {
    /// A caller whose ask begins now.
    pub fn begin(origin: Origin, deadline: Option<Instant>) -> Self {
        Self { origin, began: Instant::now(), deadline }
    }
}

/// Whether a remembered review will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A remembered review will do (the Envoy door).
    Cached,
    /// Only a review that starts after the question (a login, as in the reference).
    Fresh,
}

/// What is known of a namespace's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// The namespace has these.
    Known(Arc<BTreeMap<String, String>>),
    /// There is no such namespace, or no reviewer that may be asked.
    Unknown,
}

/// What is known of a service account's annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotations {
    /// It has these.
    Known(BTreeMap<String, String>),
    /// The API server does not tell, and answers with this status.
    Withheld(u16),
}

/// The answer of a port that may wait.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Undecided>> + Send + 'a>>;

/// Proof of tokens, and of what namespaces are labelled.
pub trait Verify: Send + Sync + Debug {
    /// Whether one of the mount's `pem_keys` signed the token's header and payload. Does not wait.
    fn signed(&self, mount: &Arc<Mount>, token: &crate::core::token::UnverifiedToken<'_>) -> bool;

    /// Whether questions to the mount's API server may have to wait for their turn, so that their class decides. Does not
    /// wait.
    fn is_contended(&self, mount: &Arc<Mount>) -> bool {
        let _nobody_waits = mount;
        false
    }

    /// What the keys that the mount's API server publishes say of the token's signature, as far as they were read. Does not
    /// wait; keys that are missing or old are read in the background.
    fn local_signature(
        &self,
        mount: &Arc<Mount>,
        token: &crate::core::token::UnverifiedToken<'_>,
    ) -> LocalSignature {
        let _nothing_is_published = (mount, token);
        LocalSignature::Unknown
    }

    /// The remembered review, if there is one that is still good. Does not wait.
    fn remembered(&self, query: &ReviewQuery<'_>) -> Option<Arc<Review>>;

    /// The API server's word, shared by all who ask the same; ends with the caller's time at the latest.
    fn review<'a>(
        &'a self,
        query: ReviewQuery<'a>,
        freshness: Freshness,
        caller: &'a Caller,
    ) -> Answer<'a, Arc<Review>>;

    /// The labels of a namespace that a review has named; ends with the caller's time at the latest. Remembered ones, if
    /// they will do, are at most `review.labels_ttl` old; fresh ones were asked for after the call.
    fn namespace_labels<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        namespace: &'a str,
        freshness: Freshness,
        caller: &'a Caller,
    ) -> Answer<'a, Labels>;
}

/// What a login and a write of a config want to know of a cluster, beyond proof.
pub trait Inquire: Send + Sync + Debug {
    /// The annotations of a service account that a review has named, asked for as reviews are, with `token` as the
    /// bearer where there is no reviewer; ends with the caller's time at the latest.
    fn annotations<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        token: &'a str,
        account: &'a crate::core::identity::VerifiedIdentity,
        caller: &'a Caller,
    ) -> Answer<'a, Annotations>;

    /// Whether the pod that this process runs in has a CA of its own. Reads a file.
    fn has_local_ca(&self) -> bool;
}
