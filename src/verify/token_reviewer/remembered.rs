//! Reviews that are remembered, and which of them still count.

use std::sync::Arc;
use std::time::Duration;

use super::TokenReviewer;
use crate::core::identity::Review;
use crate::core::mount::Mount;
use crate::core::review_key::ReviewKey;
use crate::ports::{Labels, ReviewQuery};
use crate::verify::CacheSettings;
use crate::verify::single_flight::Since;

/// A review, and when it was sent.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    review: Arc<Review>,
    sent: Duration,
}

impl TokenReviewer {
    /// The remembered review, if it still counts. One that confirms a token which names something that was deleted from the
    /// home cluster counts as far as that deletion lets it; one that refuses a token always does.
    pub(in crate::verify) fn remembered(&self, query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        let Remembered { review, sent } = self.reviewed.as_ref()?.get(&query.key())?;
        let counts = matches!(*review, Review::Refused(_))
            || self
                .deletion(query)
                .is_none_or(|deletion| deletion.is_survived_by(sent, self.clock.elapsed()));
        counts.then_some(review)
    }

    /// Which question under way does for a caller that takes a remembered review: none that was sent before a deletion of
    /// what the token names.
    pub(in crate::verify) fn since(&self, query: &ReviewQuery<'_>) -> Since {
        self.deletion(query).map_or(Since::Ever, |deletion| Since::After(deletion.at))
    }

    /// The last known deletion of something that the token names, at a mount that is the home cluster.
    fn deletion(&self, query: &ReviewQuery<'_>) -> Option<crate::departures::Deletion> {
        let home = self.settings.home.as_ref()?;
        home.deletion(query).filter(|_| self.is_home(query.mount))
    }

    /// Whether the service account is known to be gone, at a mount that is the home cluster.
    pub(in crate::verify) fn is_account_gone(&self, mount: &Arc<Mount>, uid: &str, confirmed: i64) -> bool {
        let home = self.settings.home.as_ref();
        home.is_some_and(|home| home.departures.is_account_gone(uid, confirmed)) && self.is_home(mount)
    }

    /// The labels of a namespace at a mount that is the home cluster, while its namespaces are watched. None for a mount
    /// that has nobody to ask with: at the other door it knows no labels either.
    pub(in crate::verify) fn watched_labels(&self, mount: &Arc<Mount>, namespace: &str) -> Option<Labels> {
        let labels = self.settings.home.as_ref()?.namespaces.labels(namespace)?;
        let server = self.api_server(mount)?;
        (server.is_home && server.has_reviewer()).then_some(labels)
    }

    fn is_home(&self, mount: &Arc<Mount>) -> bool {
        self.api_server(mount).is_some_and(|server| server.is_home)
    }

    /// The review that other tokens of the account have, where reviews are remembered.
    pub(super) fn one_of(&self, review: Review) -> Arc<Review> {
        let review = Arc::new(review);
        match self.reviewed {
            Some(_) => self.accounts.get_with_by_ref(&review, || Arc::clone(&review)),
            None => review,
        }
    }

    /// Remembers what was asked at `sent`, a confirmed token at most until it expires.
    pub(super) fn remember(
        &self,
        key: ReviewKey,
        review: &Arc<Review>,
        sent: Duration,
        expires: Option<i64>,
    ) {
        let Some(reviewed) = &self.reviewed else { return };
        let CacheSettings { ttl, refused_ttl, .. } = self.settings.cache;
        let until = match (&**review, expires) {
            (Review::Refused(_), _) => sent.saturating_add(refused_ttl),
            (Review::Confirmed(_), None) => sent.saturating_add(ttl),
            (Review::Confirmed(_), Some(expires)) => {
                let left = u64::try_from(expires.saturating_sub(self.clock.unix_now())).unwrap_or_default();
                let expires = self.clock.elapsed().saturating_add(Duration::from_secs(left));
                sent.saturating_add(ttl).min(expires)
            }
        };
        reviewed.keep(key, Remembered { review: Arc::clone(review), sent }, until);
        self.metrics.review_cache_entries(reviewed.len());
    }
}
