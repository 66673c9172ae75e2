//! Tokens over a small store, with a clock, randomness and mounts that tests set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::core::client_token::tests::login_token;
use crate::core::client_token::{Parent, TokenKind};
use crate::core::secret::Secret;
use crate::metrics::Metrics;
use crate::ports::mounts::MountsThere;
use crate::ports::store::{
    Change, Commit, Entry, Expect, Key, Kind, Listed, Page, Store, StoreError, Stored,
};
use crate::ports::{Clock, NoRandom, Random};
use crate::tokens::{Found, Issued, NewToken, Tokens, TokensError, World};

/// When every test begins.
pub(crate) const START: i64 = 1_700_000_000;

/// What the store was asked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) gets: u64,
    pub(crate) lists: u64,
    pub(crate) commits: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Entries {
    entries: Mutex<BTreeMap<Key, Entry>>,
    version: AtomicU64,
    gets: AtomicU64,
    lists: AtomicU64,
    commits: AtomicU64,
    /// How many commits are still made before all fail; negative: any number.
    left: AtomicI64,
}

impl Store for Entries {
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>> {
        Box::pin(async {
            self.gets.fetch_add(1, Ordering::SeqCst);
            let entry = self.entries.lock().unwrap().get(key).cloned();
            // Whatever others do now, this reader has not seen it.
            tokio::task::yield_now().await;
            Ok(entry)
        })
    }

    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed> {
        Box::pin(async move {
            self.lists.fetch_add(1, Ordering::SeqCst);
            let entries = self.entries.lock().unwrap();
            let of_kind = entries.iter().filter(|(key, _)| key.kind == page.kind);
            let of_kind = of_kind.map(|(key, entry)| (key.name.clone(), entry.clone())).collect();
            Ok(page.of_map(&of_kind).map(|(name, entry)| (name.clone(), entry.clone())).collect())
        })
    }

    fn count(&self, kind: Kind) -> Stored<'_, u64> {
        let count = self.of(kind).len() as u64;
        Box::pin(async move { Ok(count) })
    }
}

impl Commit for Entries {
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()> {
        Box::pin(async move {
            self.commits.fetch_add(1, Ordering::SeqCst);
            if self.left.load(Ordering::SeqCst) == 0 {
                return Err(StoreError::Failed("the disk is gone".into()));
            }
            self.left.fetch_sub(1, Ordering::SeqCst);
            let mut entries = self.entries.lock().unwrap();
            let keys: BTreeSet<_> = changes.iter().map(|change| &change.key).collect();
            assert_eq!(keys.len(), changes.len(), "keys of a commit differ");
            let holds = |change: &Change| match (change.expect, entries.get(&change.key)) {
                (Expect::Any, _) | (Expect::Absent, None) => true,
                (Expect::Version(version), Some(entry)) => entry.version == version,
                _ => false,
            };
            if !changes.iter().all(holds) {
                return Err(StoreError::Conflict);
            }
            for Change { key, value, .. } in changes {
                match value {
                    Some(value) => {
                        let version = self.version.fetch_add(1, Ordering::SeqCst);
                        entries.insert(key, Entry { version, value: value.into() });
                    }
                    None => drop(entries.remove(&key)),
                }
            }
            Ok(())
        })
    }
}

impl Entries {
    /// The names of all entries of a kind.
    pub(crate) fn of(&self, kind: Kind) -> Vec<Box<[u8]>> {
        let entries = self.entries.lock().unwrap();
        entries.keys().filter(|key| key.kind == kind).map(|key| key.name.clone()).collect()
    }

    pub(crate) fn put(&self, key: Key, value: &[u8]) {
        let entry = Entry { version: u64::MAX, value: value.into() };
        self.entries.lock().unwrap().insert(key, entry);
    }

    /// Makes so many more commits and then none.
    pub(crate) fn fail_after(&self, commits: i64) {
        self.left.store(commits, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.left.store(-1, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> Calls {
        let [gets, lists, commits] =
            [&self.gets, &self.lists, &self.commits].map(|count| count.load(Ordering::SeqCst));
        Calls { gets, lists, commits }
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn unix_now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Bytes that differ at every call and are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Dice(AtomicU64);

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        for chunk in bytes.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let drawn = digest(&SHA256, &number.to_be_bytes());
            chunk.iter_mut().zip(drawn.as_ref()).for_each(|(byte, drawn)| *byte = *drawn);
        }
        Ok(())
    }
}

/// The accessors of mounts that are gone; all others are there.
#[derive(Debug, Default)]
pub(crate) struct Gone(pub(crate) Mutex<BTreeSet<String>>);

impl MountsThere for Gone {
    fn is_mounted(&self, path: &str, accessor: &str) -> bool {
        path == "kubernetes" && !self.0.lock().unwrap().contains(accessor)
    }
}

/// Tokens, and all that a test changes or looks at.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) store: Arc<Entries>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) random: Arc<Dice>,
    pub(crate) gone: Arc<Gone>,
    pub(crate) metrics: Metrics,
}

impl House {
    pub(crate) fn new() -> Self {
        let store = Arc::new(Entries::default());
        store.heal();
        let (clock, random, gone) = (Arc::new(Hands(AtomicI64::new(START))), Arc::default(), Arc::default());
        Self::over(store, clock, random, gone)
    }

    /// Another replica, or the same after a start.
    pub(crate) fn again(&self) -> Self {
        let Self { store, clock, random, gone, .. } = self.clone();
        Self::over(store, clock, random, gone)
    }

    fn over(store: Arc<Entries>, clock: Arc<Hands>, random: Arc<Dice>, gone: Arc<Gone>) -> Self {
        let metrics = Metrics::default();
        let tokens = Arc::new(Tokens::new(World {
            store: Arc::<Entries>::clone(&store),
            clock: Arc::<Hands>::clone(&clock),
            random: Arc::<Dice>::clone(&random),
            mounts: Arc::<Gone>::clone(&gone),
            metrics: metrics.clone(),
        }));
        Self { tokens, store, clock, random, gone, metrics }
    }

    /// So many seconds later.
    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn issue(&self, new: NewToken) -> Issued {
        self.tokens.issue(new).await.unwrap()
    }

    pub(crate) async fn find(&self, token: &Issued) -> Option<Found> {
        self.tokens.find(token.token.expose()).await.unwrap()
    }

    pub(crate) async fn is_good(&self, token: &Issued) -> bool {
        self.find(token).await.is_some()
    }

    /// A child of a token.
    pub(crate) async fn child(&self, parent: &Issued) -> Issued {
        self.try_child(parent).await.unwrap()
    }

    pub(crate) async fn try_child(&self, parent: &Issued) -> Result<Issued, TokensError> {
        let digest = digest_of(parent);
        let parent = Some(Parent { digest, accessor: parent.record.accessor.clone() });
        self.tokens.issue(NewToken { parent, login: None, ..new_token() }).await
    }

    /// How many entries the store has of tokens: themselves, accessors, links, expiries.
    pub(crate) fn sizes(&self) -> [usize; 4] {
        [Kind::Token, Kind::Accessor, Kind::Child, Kind::Expiry].map(|kind| self.store.of(kind).len())
    }
}

pub(crate) fn digest_of(token: &Issued) -> crate::core::client_token::TokenDigest {
    crate::core::client_token::TokenDigest::of(token.token.expose())
}

/// A login's token for an hour.
pub(crate) fn new_token() -> NewToken {
    let login = login_token();
    NewToken {
        kind: TokenKind::Service,
        id: None,
        parent: None,
        policies: login.policies,
        path: login.path,
        meta: None,
        display_name: login.display_name,
        num_uses: 0,
        ttl: 3600,
        explicit_max_ttl: 0,
        period: 0,
        entity_id: login.entity_id,
        renewable: true,
        bound_cidrs: vec![],
        login: login.login,
    }
}

/// A token that never expires, with this text.
pub(crate) fn chosen(id: &str) -> NewToken {
    let id = Some(Secret::from(id.to_owned()));
    NewToken { id, ttl: 0, login: None, policies: vec!["root".to_owned()], ..new_token() }
}
