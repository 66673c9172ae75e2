//! One mount's API server under one configuration: how it is reached, and what it says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri};

use super::Settings;
use super::answer;
use super::bearer::{Reviewer, bearer};
use super::client::{Client, base_url};
use super::condition::Condition;
use super::error::AskError;
use super::limits::Limits;
use super::local::{Stamp, stamp};
use super::request::{self, Question};
use super::roots::Roots;
use super::signature::Keys;
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::mount::{Mount, MountConfig};
use crate::core::reason::Deny;
use crate::health::Health;
use crate::ports::{Annotations, Labels};

/// Everything that belongs to one generation of a mount.
pub(super) struct Cluster {
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) reviews: Condition,
    pub(super) namespaces: Condition,
    pub(super) accounts: Condition,
    /// It is rolegate's own cluster, whose deletions are heard.
    pub(super) is_home: bool,
    url: Option<Uri>,
    roots: Roots,
    reviewer: Reviewer,
    connections: usize,
    line: Mutex<Option<Line>>,
}

/// How the API server is asked.
struct Line {
    client: Client,
    reviewer: Option<HeaderValue>,
    // What the client was made with.
    pem: Vec<u8>,
    // What the pod's files were when they were read.
    files: [Option<Stamp>; 2],
}

impl Cluster {
    /// Reads what can be read without waiting.
    pub(super) fn new(mount: &Mount, config: &MountConfig, settings: &Settings, health: &Health) -> Self {
        let url = base_url(&config.kubernetes_host);
        let subject = format!("mount {}", mount.path);
        let roots = Roots::of(config, url.as_ref(), &settings.local);
        let host = url.as_ref().and_then(Uri::host);
        Self {
            keys: Keys::of(&config.pem_keys),
            limits: Limits::new(settings.max_in_flight, settings.max_waiting),
            namespaces: Condition::new(format!("{subject} namespaces"), health.clone()),
            accounts: Condition::new(format!("{subject} service accounts"), health.clone()),
            reviews: Condition::new(subject, health.clone()),
            reviewer: Reviewer::of(config, host, matches!(roots, Roots::Pod(_)), &settings.local),
            roots,
            is_home: settings
                .home
                .as_ref()
                .zip(url.as_ref())
                .is_some_and(|(home, url)| home.is_at(url, &settings.local)),
            url,
            connections: settings.max_in_flight,
            line: Mutex::default(),
        }
    }

    /// Asks for a TokenReview.
    pub(super) async fn review(self: &Arc<Self>, question: &Question) -> Result<Review, AskError> {
        let (client, reviewer) = self.line().await?;
        let with_reviewer = reviewer.is_some();
        let own = || bearer(&question.token.expose().split_whitespace().collect::<String>());
        let Some(bearer) = reviewer.or_else(own) else { return Ok(Review::Refused(Deny::TokenRefused)) };
        let (status, body) = request::review(&client, bearer, question).await?;
        let review = match answer::review(status, &body) {
            Ok(status) => Review::of(&status, &question.audiences),
            // It is the token itself that may not ask.
            Err(AskError::Refused(_)) if !with_reviewer => Review::Refused(Deny::TokenRefused),
            Err(error) => return Err(error),
        };
        if with_reviewer {
            self.reviews.good();
        } else {
            self.reviews.without_reviewer();
        }
        Ok(review)
    }

    /// Asks for a namespace's labels; without a reviewer nobody is asked. The name must be a DNS label.
    pub(super) async fn labels(self: &Arc<Self>, namespace: &str) -> Result<Labels, AskError> {
        let (client, Some(reviewer)) = self.line().await? else { return Ok(Labels::Unknown) };
        let (status, body) = request::namespace(&client, reviewer, namespace).await?;
        let labels = answer::labels(status, &body, namespace)?;
        self.namespaces.good();
        Ok(labels)
    }

    /// Asks for a service account's annotations, with the caller's token where there is no reviewer.
    pub(super) async fn annotations(
        self: &Arc<Self>,
        token: &str,
        account: &VerifiedIdentity,
    ) -> Result<Annotations, AskError> {
        let (client, reviewer) = self.line().await?;
        let Some(bearer) = reviewer.or_else(|| bearer(token)) else { return Ok(Annotations::Withheld(401)) };
        let (status, body) = request::service_account(&client, bearer, account).await?;
        let annotations = answer::annotations(status, &body, account.name())?;
        self.accounts.good();
        Ok(annotations)
    }

    /// Asks for the keys that the API server publishes; without a reviewer nobody is asked.
    pub(super) async fn published_keys(self: &Arc<Self>) -> Result<Option<(StatusCode, Bytes)>, AskError> {
        let (client, Some(reviewer)) = self.line().await? else { return Ok(None) };
        request::published_keys(&client, reviewer).await.map(Some)
    }

    /// A client and the reviewer's header. The pod's files are read again when they have changed.
    async fn line(self: &Arc<Self>) -> Result<(Client, Option<HeaderValue>), AskError> {
        if let Some(line) = &*self.lock()
            && line.files == self.stamps()
        {
            return Ok((line.client.clone(), line.reviewer.clone()));
        }
        let cluster = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || cluster.read_line());
        read.await.map_err(|error| AskError::Unreachable(error.into()))?
    }

    /// The line as the pod's files are now; the client is another only where the certificates are.
    fn read_line(&self) -> Result<(Client, Option<HeaderValue>), AskError> {
        let url = self.url.as_ref().ok_or(AskError::Host)?;
        // Before what they stamp: a file that changes in between is read again.
        let files = self.stamps();
        let pem = self.roots.pem()?;
        let reviewer = self.reviewer.header()?;
        let mut line = self.lock();
        let client = match &*line {
            Some(line) if line.pem == *pem => line.client.clone(),
            _ => Client::new(url, self.roots.certificates(&pem)?, self.connections)?,
        };
        *line =
            Some(Line { client: client.clone(), reviewer: reviewer.clone(), pem: pem.into_owned(), files });
        Ok((client, reviewer))
    }

    /// What the pod's files are at this moment, where they are used: two system calls on a file system in memory, far
    /// less than a thread that reads them.
    fn stamps(&self) -> [Option<Stamp>; 2] {
        [self.roots.file(), self.reviewer.file()].map(|file| file.and_then(stamp))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cluster").field("url", &self.url).finish_non_exhaustive()
    }
}
