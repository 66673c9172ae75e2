//! One mount's API server under one configuration: how it is reached, and what it says.

mod connection;
mod probe;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connection::Connection;
use http::Uri;
use tokio::time::Instant;

use super::Settings;
use super::admission::Admission;
use super::answer;
use super::api_server_health::ApiServerHealth;
use super::breaker::Guard;
use super::client::{Answer, base_url};
use super::error::{AskError, Sign};
use super::proxy::Egress;
use super::request::{self, ReviewRequest};
use super::reviewer_credential::{ReviewerCredential, bearer};
use super::signature::Keys;
use super::trust_anchors::TrustAnchors;
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::mount::{Mount, MountConfig};
use crate::core::reason::{Deny, Undecided};
use crate::errors::with_causes;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::{Annotations, Labels};

const OWN_BEARER: &str =
    "no token reviewer is configured and none is at hand: each token is sent as its own bearer";
const NO_LABELS: &str = "no token reviewer is configured and none is at hand: namespace labels cannot be read, and roles \
                         with a namespace selector admit nobody by it";

/// Everything that belongs to one generation of a mount.
pub(super) struct ApiServer {
    pub(super) keys: Keys,
    pub(super) admission: Arc<Admission>,
    reviews: ApiServerHealth,
    namespaces: ApiServerHealth,
    accounts: ApiServerHealth,
    breaker: Guard,
    /// It is rolegate's own cluster, whose deletions are heard.
    pub(super) is_home: bool,
    url: Option<Uri>,
    roots: TrustAnchors,
    reviewer: ReviewerCredential,
    egress: Option<Egress>,
    timeout: Duration,
    connections: usize,
    connection: Mutex<Option<Connection>>,
}

/// The time that a question has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// When it ends.
    pub(super) deadline: Instant,
    /// It is the whole of `review.timeout`: neither the queue nor earlier questions of the same ask took of it.
    pub(super) is_whole: bool,
}

impl ApiServer {
    /// Reads what can be read without waiting.
    pub(super) fn new(
        mount: &Mount,
        config: &MountConfig,
        settings: &Settings,
        health: &Health,
        metrics: &Metrics,
    ) -> Self {
        let url = base_url(&config.kubernetes_host);
        let subject = format!("mount {}", mount.path);
        let roots = TrustAnchors::new(config, url.as_ref(), &settings.local);
        let host = url.as_ref().and_then(Uri::host);
        let home = settings.home.as_ref().zip(url.as_ref());
        let is_home = home.is_some_and(|(home, url)| home.is_at(url, &settings.local));
        Self {
            keys: Keys::of(&config.pem_keys),
            admission: Admission::new(settings, &mount.path, metrics, health),
            namespaces: ApiServerHealth::new(format!("{subject} namespaces"), health.clone()),
            accounts: ApiServerHealth::new(format!("{subject} service accounts"), health.clone()),
            reviews: ApiServerHealth::new(subject, health.clone()),
            breaker: Guard::new(&mount.path, health.clone(), metrics.clone()),
            reviewer: ReviewerCredential::new(
                config,
                host,
                matches!(roots, TrustAnchors::Pod(_)),
                &settings.local,
            ),
            roots,
            is_home,
            egress: url.as_ref().and_then(|url| Egress::new(settings, url, is_home)),
            url,
            timeout: settings.timeout,
            connections: settings.max_in_flight,
            connection: Mutex::default(),
        }
    }

    /// Whether anything but the token under review may ask.
    pub(super) const fn has_reviewer(&self) -> bool {
        !matches!(self.reviewer, ReviewerCredential::None)
    }

    /// Whether the API server may be asked now; else what the caller gets without waiting. To be called before a place
    /// among those who wait is taken.
    pub(super) fn admit(&self) -> Result<(), Undecided> {
        self.breaker.admit()
    }

    /// Asks for a TokenReview within its time.
    pub(super) async fn review(
        self: &Arc<Self>,
        request: &ReviewRequest,
        window: Window,
    ) -> Result<Review, Undecided> {
        let outcome = self.ask_review(request, window.deadline).await;
        let (review, with_reviewer) = self.conclude(&self.reviews, outcome, window.is_whole)?;
        if with_reviewer {
            self.reviews.good();
        } else {
            self.reviews.without_reviewer(OWN_BEARER);
        }
        Ok(review)
    }

    /// Asks for a namespace's labels within its time; without a reviewer nobody is asked. The name must be a DNS label.
    pub(super) async fn labels(
        self: &Arc<Self>,
        namespace: &str,
        window: Window,
    ) -> Result<Labels, Undecided> {
        let Some(outcome) = self.ask_labels(namespace, window.deadline).await.transpose() else {
            self.namespaces.without_reviewer(NO_LABELS);
            return Ok(Labels::Unknown);
        };
        let labels = self.conclude(&self.namespaces, outcome, window.is_whole)?;
        self.namespaces.good();
        Ok(labels)
    }

    /// Asks for a service account's annotations within its time, with the caller's token where there is no reviewer.
    pub(super) async fn annotations(
        self: &Arc<Self>,
        token: &str,
        account: &VerifiedIdentity,
        window: Window,
    ) -> Result<Annotations, Undecided> {
        let outcome = self.ask_annotations(token, account, window.deadline).await;
        let annotations = self.conclude(&self.accounts, outcome, window.is_whole)?;
        self.accounts.good();
        Ok(annotations)
    }

    /// Asks for the keys that the API server publishes, until `deadline`; without a reviewer nobody is asked. Says nothing
    /// to the breaker: reviews do not need these keys.
    pub(super) async fn published_keys(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<Option<Answer>, AskError> {
        // Before anything is read or connected to, which may fail and be reported.
        if !self.has_reviewer() {
            return Ok(None);
        }
        let (client, Some(reviewer)) = self.connection(deadline).await? else { return Ok(None) };
        request::published_keys(&client, reviewer, deadline).await.map(Some)
    }

    /// The mount is gone.
    pub(super) fn forget(&self) {
        for health in [&self.reviews, &self.namespaces, &self.accounts] {
            health.forget();
        }
        self.breaker.forget();
    }

    /// The review, and whether there was a reviewer to ask with.
    async fn ask_review(
        self: &Arc<Self>,
        request: &ReviewRequest,
        deadline: Instant,
    ) -> Result<(Review, bool), AskError> {
        let (client, reviewer) = self.connection(deadline).await?;
        let with_reviewer = reviewer.is_some();
        let own = || bearer(&request.token.expose().split_whitespace().collect::<String>());
        let Some(bearer) = reviewer.or_else(own) else {
            return Ok((Review::Refused(Deny::TokenRefused), with_reviewer));
        };
        let answer = request::review(&client, bearer, request, deadline).await?;
        let review = match answer::review(&answer) {
            Ok(status) => Review::of(&status, &request.audiences),
            // It is the token itself that may not ask.
            Err(AskError::Refused(_)) if !with_reviewer => Review::Refused(Deny::TokenRefused),
            Err(error) => return Err(error),
        };
        Ok((review, with_reviewer))
    }

    /// None without a reviewer: nobody is asked then.
    async fn ask_labels(
        self: &Arc<Self>,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Option<Labels>, AskError> {
        let (client, Some(reviewer)) = self.connection(deadline).await? else { return Ok(None) };
        let answer = request::namespace(&client, reviewer, namespace, deadline).await?;
        answer::labels(&answer, namespace).map(Some)
    }

    async fn ask_annotations(
        self: &Arc<Self>,
        token: &str,
        account: &VerifiedIdentity,
        deadline: Instant,
    ) -> Result<Annotations, AskError> {
        let (client, reviewer) = self.connection(deadline).await?;
        let Some(bearer) = reviewer.or_else(|| bearer(token)) else { return Ok(Annotations::Withheld(401)) };
        let answer = request::service_account(&client, bearer, account, deadline).await?;
        answer::annotations(&answer, account.name())
    }

    /// Notes what came of a question for the breaker, and for the operator where it failed.
    fn conclude<T>(
        self: &Arc<Self>,
        health: &ApiServerHealth,
        outcome: Result<T, AskError>,
        had_whole_timeout: bool,
    ) -> Result<T, Undecided> {
        let error = match outcome {
            Ok(answer) => {
                self.breaker.learn(Sign::Alive);
                return Ok(answer);
            }
            Err(error) => error,
        };
        let undecided = error.undecided(had_whole_timeout);
        if error.is_trouble(had_whole_timeout) {
            health.bad(&error, undecided);
        } else {
            tracing::debug!(cause = %with_causes(&error), "no usable answer");
        }
        if self.breaker.learn(error.sign(had_whole_timeout)) {
            probe::start(self);
        }
        Err(undecided)
    }
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiServer").field("url", &self.url).finish_non_exhaustive()
    }
}
