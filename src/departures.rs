//! What is gone from rolegate's own cluster: service accounts, legacy token Secrets and pods whose deletion was heard.
//!
//! A remembered review has no list of what it names, and none is kept of it: its token's claims say so again with every
//! request. What is gone leaves a mark that outlives every review from before; a review that was sent after it counts.

mod gone;
mod marks;
mod roll;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use crate::core::token::UnverifiedClaims;
use crate::ports::Clock;
use gone::Gone;
use marks::DeletionMarks;
use roll::Roll;

/// For so long after a deletion an API server may still take a token that it has taken before: it remembers for ten seconds
/// (kube-apiserver's `TokenSuccessCacheTTL`), and may hear of the deletion later than we do.
const API_SERVERS_MEMORY: Duration = Duration::from_secs(60);

/// For so long a review counts that was sent in that time. A token that names what was deleted is taken no longer than this
/// after the API server refuses it, and one that shares a mark by chance is not reviewed for every request.
const BRIEFLY: Duration = Duration::from_secs(1);

/// The same where everything is marked: as long as an API server's own memory.
const BRIEFLY_WHERE_ALL_IS_MARKED: Duration = Duration::from_secs(10);

/// Between the clocks of two replicas, at most: seconds.
const CLOCKS_APART: i64 = 60;

/// What tokens can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A service account, by its uid.
    Account,
    /// A Secret of type `kubernetes.io/service-account-token`, by namespace and name.
    Secret,
    /// A pod, by its uid.
    Pod,
}

/// One object as the API server tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// `metadata.uid`
    pub uid: &'a str,
    /// `metadata.namespace`
    pub namespace: &'a str,
    /// `metadata.name`
    pub name: &'a str,
}

/// What a token names: the hashes of at most three objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traces([Option<u64>; 3]);

/// A deletion of something that a token names, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was heard, by the clock.
    pub at: Duration,
    // For how long a review counts that was sent soon after it.
    briefly: Duration,
}

impl Deletion {
    /// Whether a review still counts that was sent at `sent` and confirms the token. One from before the deletion does not;
    /// one from soon after it does for a moment, for the API server may have answered from memory; a later one does.
    pub fn is_survived_by(&self, sent: Duration, now: Duration) -> bool {
        let is_certain = sent >= self.at.saturating_add(API_SERVERS_MEMORY);
        sent > self.at && (is_certain || now.saturating_sub(sent) < self.briefly)
    }
}

/// What is known to be gone. Cheap to clone; about three mebibytes, and 30 bytes for each object that is there.
#[derive(Debug, Clone)]
pub struct Departures(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    // How long a mark counts.
    window: Duration,
    marks: DeletionMarks,
    accounts: RwLock<Book>,
    secrets: RwLock<Book>,
    pods: RwLock<Book>,
}

/// What is known of one kind.
#[derive(Debug, Default)]
struct Book {
    roll: Roll,
    // Of service accounts alone.
    gone: Gone,
}

impl Departures {
    /// Nothing is gone yet. `ttl`: how long reviews are remembered at most.
    pub fn new(clock: Arc<dyn Clock>, ttl: Duration) -> Self {
        Self(Arc::new(Inner {
            clock,
            hasher: RandomState::new(),
            window: ttl.saturating_add(API_SERVERS_MEMORY),
            marks: DeletionMarks::new(),
            accounts: RwLock::default(),
            secrets: RwLock::default(),
            pods: RwLock::default(),
        }))
    }

    /// What a token names by its own word, which the API server's review confirms: it takes the uid and the pod of its
    /// answer from there.
    pub fn traces(&self, claims: &UnverifiedClaims) -> Traces {
        let uid = |kind, uid: &str| (!uid.is_empty()).then(|| self.by_uid(kind, uid));
        let secret =
            (!claims.secret_name.is_empty()).then(|| self.by_name(&claims.namespace, &claims.secret_name));
        Traces([uid(Kind::Account, &claims.uid), uid(Kind::Pod, &claims.pod_uid), secret])
    }

    /// Whether anything has gone of late, so that it is worth while to ask for traces. One look at memory and the clock.
    pub fn any(&self) -> bool {
        self.0.marks.any(self.since())
    }

    /// The last deletion of one of these, while reviews from before it may be remembered. Never none for what was deleted;
    /// one by chance only where more was deleted of late than there is room for.
    pub fn deletion(&self, traces: &Traces) -> Option<Deletion> {
        let (marks, since) = (&self.0.marks, self.since());
        if !marks.any(since) {
            return None;
        }
        let own = traces.0.iter().flatten().filter_map(|trace| marks.newest_of(*trace, since)).max();
        let own = own.map(|at| Deletion { at: Duration::from_millis(at), briefly: BRIEFLY });
        let all = marks.newest_of_all(since).filter(|_| traces.0.iter().any(Option::is_some));
        let all =
            all.map(|at| Deletion { at: Duration::from_millis(at), briefly: BRIEFLY_WHERE_ALL_IS_MARKED });
        own.into_iter().chain(all).max_by_key(|deletion| (deletion.at, own == Some(*deletion)))
    }

    /// Whether the service account is known to be gone which an API server has confirmed at `confirmed` (seconds since
    /// 1970): its deletion was heard, or a later list of all did not have it.
    pub fn is_account_gone(&self, uid: &str, confirmed: i64) -> bool {
        if uid.is_empty() {
            return false;
        }
        let trace = self.by_uid(Kind::Account, uid);
        let accounts = self.0.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let Book { roll, gone } = &*accounts;
        let listed_later =
            roll.listed_at().is_some_and(|listed| confirmed.saturating_add(CLOCKS_APART) < listed);
        gone.has(trace) || (listed_later && !roll.has(trace))
    }

    /// A list of all objects of a kind begins.
    pub fn list_begins(&self, kind: Kind) {
        self.book(kind).roll.begin(self.0.clock.unix_now());
    }

    /// The list has this one.
    pub fn listed(&self, kind: Kind, object: Object<'_>) {
        let (key, trace) = self.keys(kind, object);
        let mut book = self.book(kind);
        book.roll.list(key, trace);
        book.gone.back(trace);
    }

    /// The list is complete: what was there before and is not in it has gone. Says how many these are.
    pub fn list_ends(&self, kind: Kind) -> usize {
        let mut book = self.book(kind);
        let Some(left) = book.roll.end() else {
            // More were there than are kept: nobody can tell which have gone.
            self.0.marks.set_all(self.now());
            return 0;
        };
        left.iter().for_each(|trace| self.mark(&mut book, kind, *trace));
        left.len()
    }

    /// This one is there.
    pub fn appeared(&self, kind: Kind, object: Object<'_>) {
        let (key, trace) = self.keys(kind, object);
        let mut book = self.book(kind);
        book.roll.add(key, trace);
        book.gone.back(trace);
    }

    /// This one has gone.
    pub fn left(&self, kind: Kind, object: Object<'_>) {
        let (key, trace) = self.keys(kind, object);
        let mut book = self.book(kind);
        book.roll.remove(key);
        self.mark(&mut book, kind, trace);
    }

    fn mark(&self, book: &mut Book, kind: Kind, trace: u64) {
        if kind == Kind::Account {
            book.gone.add(trace);
        }
        self.0.marks.set(trace, self.now(), self.since());
    }

    fn book(&self, kind: Kind) -> RwLockWriteGuard<'_, Book> {
        let book = match kind {
            Kind::Account => &self.0.accounts,
            Kind::Secret => &self.0.secrets,
            Kind::Pod => &self.0.pods,
        };
        book.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an object is kept by, and what a token names it by.
    fn keys(&self, kind: Kind, object: Object<'_>) -> (u64, u64) {
        let key = self.by_uid(kind, object.uid);
        let trace = if kind == Kind::Secret { self.by_name(object.namespace, object.name) } else { key };
        (key, trace)
    }

    fn by_uid(&self, kind: Kind, uid: &str) -> u64 {
        self.0.hasher.hash_one((kind, uid))
    }

    fn by_name(&self, namespace: &str, name: &str) -> u64 {
        self.0.hasher.hash_one((Kind::Secret, namespace, name))
    }

    fn now(&self) -> u64 {
        millis(self.0.clock.elapsed())
    }

    /// From when on a mark counts.
    fn since(&self) -> u64 {
        millis(self.0.clock.elapsed().saturating_sub(self.0.window))
    }
}

/// Whole milliseconds that have begun: never 0, which is no mark, and never before the time.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis().saturating_add(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
