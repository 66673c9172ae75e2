//! Questions under way, each shared by all who ask it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::SetOnce;

use super::errand::Errand;
use crate::core::reason::Undecided;
use crate::core::review_key::ReviewKey;
use crate::ports::Freshness;

type Outcome<V> = Result<V, Undecided>;

/// The questions that are under way.
#[derive(Debug)]
pub(super) struct Shared<V> {
    under_way: Mutex<HashMap<ReviewKey, Arc<UnderWay<V>>>>,
}

#[derive(Debug)]
struct UnderWay<V> {
    sent: AtomicBool,
    outcome: SetOnce<Outcome<V>>,
}

impl<V> UnderWay<V> {
    /// Tells all who wait, once.
    fn tell(&self, outcome: Outcome<V>) {
        let _told_before = self.outcome.set(outcome);
    }
}

/// How an asker comes to an answer.
pub(super) enum Share<V> {
    /// It is known already.
    Known(V),
    /// Somebody else has asked.
    Joined(Awaited<V>),
    /// The asker has to see to it.
    Started(Asking<V>, Awaited<V>),
}

impl<V: Clone> Share<V> {
    /// How it came, as the metric names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Known(_) => "hit",
            Self::Joined(_) => "shared",
            Self::Started(..) => "miss",
        }
    }

    /// The answer, asked for by `start` if nobody does yet, or [`Undecided::Deadline`] at the deadline. Whoever asks does
    /// so here, and leaves it to a task when the deadline comes, or when its own caller goes away.
    pub(super) async fn outcome(
        self,
        deadline: Option<Instant>,
        start: impl FnOnce(Asking<V>) -> Errand,
    ) -> Outcome<V> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Joined(awaited) => awaited.outcome(deadline).await,
            Self::Started(asking, awaited) => {
                let errand = start(asking);
                awaited.after(errand, deadline).await
            }
        }
    }
}

impl<V: Clone> Shared<V> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::default() })
    }

    /// Joins a question that is under way or starts one. A fresh answer comes from a question not yet sent.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: ReviewKey,
        freshness: Freshness,
        known: impl FnOnce() -> Option<V>,
    ) -> Share<V> {
        let mut under_way = self.lock();
        let joins =
            |question: &UnderWay<V>| freshness == Freshness::Cached || !question.sent.load(Ordering::SeqCst);
        if let Some(question) = under_way.get(&key).filter(|question| joins(question)) {
            return Share::Joined(Awaited(Arc::clone(question)));
        }
        // Looked for under the lock: an answer is known before its question leaves the table.
        if freshness == Freshness::Cached
            && let Some(value) = known()
        {
            return Share::Known(value);
        }
        let question = Arc::new(UnderWay { sent: AtomicBool::new(false), outcome: SetOnce::new() });
        under_way.insert(key, Arc::clone(&question));
        let awaited = Awaited(Arc::clone(&question));
        Share::Started(Asking { shared: Arc::clone(self), key, question }, awaited)
    }
}

impl<V> Shared<V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<ReviewKey, Arc<UnderWay<V>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question in the hands of the one who asks it; it leaves the table when this is dropped.
pub(super) struct Asking<V> {
    shared: Arc<Shared<V>>,
    key: ReviewKey,
    question: Arc<UnderWay<V>>,
}

impl<V> Asking<V> {
    /// From now on the answer may be older than a new question.
    pub(super) fn sent(&self) {
        self.question.sent.store(true, Ordering::SeqCst);
    }

    /// Tells all who wait. `remember` is called unless a newer question for the same has taken this one's place.
    pub(super) fn end(self, outcome: Outcome<V>, remember: impl FnOnce(&V)) {
        let mut under_way = self.shared.lock();
        if self.is_newest(&under_way) {
            if let Ok(value) = &outcome {
                remember(value);
            }
            under_way.remove(&self.key);
        }
        drop(under_way);
        self.question.tell(outcome);
    }

    fn is_newest(&self, under_way: &HashMap<ReviewKey, Arc<UnderWay<V>>>) -> bool {
        under_way.get(&self.key).is_some_and(|newest| Arc::ptr_eq(newest, &self.question))
    }
}

impl<V> Drop for Asking<V> {
    fn drop(&mut self) {
        if self.question.outcome.initialized() {
            return;
        }
        let mut under_way = self.shared.lock();
        if self.is_newest(&under_way) {
            under_way.remove(&self.key);
        }
        drop(under_way);
        // The one who asked has failed.
        self.question.tell(Err(Undecided::ApiServerError));
    }
}

/// An answer that will come.
pub(super) struct Awaited<V>(Arc<UnderWay<V>>);

impl<V: Clone> Awaited<V> {
    /// The answer, or [`Undecided::Deadline`] at the deadline; the question goes on for the others.
    async fn outcome(self, deadline: Option<Instant>) -> Outcome<V> {
        in_time(deadline, self.0.outcome.wait()).await?.clone()
    }

    /// The same of whoever asks.
    async fn after(self, errand: Errand, deadline: Option<Instant>) -> Outcome<V> {
        // Of two times the later one need not be watched.
        let deadline = deadline.filter(|deadline| *deadline < errand.ends());
        in_time(deadline, errand).await?;
        self.0.outcome.get().cloned().unwrap_or(Err(Undecided::ApiServerError))
    }
}

async fn in_time<T>(deadline: Option<Instant>, what: impl Future<Output = T>) -> Result<T, Undecided> {
    match deadline {
        None => Ok(what.await),
        Some(deadline) => {
            tokio::time::timeout_at(deadline.into(), what).await.map_err(|_| Undecided::Deadline)
        }
    }
}
