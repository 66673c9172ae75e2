//! rolegate's own ("home") cluster: how it is found, what it says of administrators, what is deleted there, and its
//! namespaces.

mod ask;
mod find;
mod lookout;
mod namespaces;

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tokio::sync::Semaphore;

pub use find::{Environment, Found, HomeError, find};
pub use lookout::Lookout;
pub use namespaces::NamespaceWatch;

use crate::core::client_token::TokenDigest;
use crate::core::reason::Undecided;
use crate::errors::with_causes;
use crate::health::Health;
use crate::ports::Answer;
use crate::ports::administrators::{Administrators, Right, User};
use ask::AskError;

/// What readiness calls it.
const SUBJECT: &str = "home cluster";

/// How the home cluster is asked, and how long its word counts.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// For one question.
    pub timeout: Duration,
    /// How long an answer counts from when it came, whatever it was.
    pub ttl: Duration,
    /// The most answers of each kind that are remembered.
    pub entries: u64,
    /// Questions at the API server at a time; more are refused at once.
    pub max_in_flight: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            ttl: Duration::from_secs(10),
            entries: 10_000,
            max_in_flight: 64,
        }
    }
}

/// The home cluster. Its answers are remembered for a short while; that it gave none is not.
pub struct Home {
    client: kube::Client,
    namespace: String,
    settings: Settings,
    users: Cache<TokenDigest, Option<Arc<User>>>,
    rights: Cache<(TokenDigest, Right), bool>,
    turns: Semaphore,
    health: Health,
}

impl Home {
    /// A home that has been asked nothing. `namespace` is that of the custom resources.
    pub fn new(client: kube::Client, namespace: String, settings: Settings, health: Health) -> Self {
        Self {
            client,
            namespace,
            settings,
            users: Cache::builder().max_capacity(settings.entries).time_to_live(settings.ttl).build(),
            rights: Cache::builder().max_capacity(settings.entries).time_to_live(settings.ttl).build(),
            turns: Semaphore::new(settings.max_in_flight),
            health,
        }
    }

    /// One question, bounded in number and time.
    async fn ask<V>(
        &self,
        deadline: Option<Instant>,
        question: impl Future<Output = Result<V, AskError>>,
    ) -> Result<V, Undecided> {
        let _turn = self.turns.try_acquire().map_err(|_| Undecided::Overloaded)?;
        let now = Instant::now();
        let own = now.checked_add(self.settings.timeout).unwrap_or(now);
        let (until, late) = match deadline {
            Some(deadline) if deadline < own => (deadline, Undecided::Deadline),
            _ => (own, Undecided::ApiServerUnreachable),
        };
        let Ok(answer) = tokio::time::timeout_at(until.into(), question).await else {
            if late == Undecided::ApiServerUnreachable {
                self.trouble(&AskError::TimedOut(self.settings.timeout));
            }
            return Err(late);
        };
        match answer {
            Ok(answer) => {
                if self.health.recovered(SUBJECT) {
                    tracing::info!(subject = SUBJECT, "the API server answers again");
                }
                Ok(answer)
            }
            Err(error) => {
                self.trouble(&error);
                Err(error.undecided())
            }
        }
    }

    fn trouble(&self, error: &AskError) {
        let cause = with_causes(error);
        if self.health.trouble(SUBJECT, &cause) {
            tracing::warn!(subject = SUBJECT, reason = error.undecided().name(), %cause, "no usable answer");
        }
    }
}

impl Administrators for Home {
    fn who<'a>(&'a self, token: &'a str, deadline: Option<Instant>) -> Answer<'a, Option<Arc<User>>> {
        Box::pin(async move {
            let digest = TokenDigest::of(token);
            if let Some(user) = self.users.get(&digest) {
                return Ok(user);
            }
            let user = self.ask(deadline, ask::who(&self.client, token, digest)).await?.map(Arc::new);
            self.users.insert(digest, user.clone());
            Ok(user)
        })
    }

    fn may<'a>(&'a self, user: &'a User, right: &'a Right, deadline: Option<Instant>) -> Answer<'a, bool> {
        Box::pin(async move {
            let key = (user.token, right.clone());
            if let Some(allowed) = self.rights.get(&key) {
                return Ok(allowed);
            }
            let question = ask::may(&self.client, &self.namespace, user, right);
            let allowed = self.ask(deadline, question).await?;
            self.rights.insert(key, allowed);
            Ok(allowed)
        })
    }
}

impl std::fmt::Debug for Home {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Home").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
