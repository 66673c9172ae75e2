//! A replica of the test: its own store over a namespace that others share, and the tokens over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kube::Client;
use rolegate::core::client_token::{Parent, TokenDigest, TokenKind};
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::ports::mounts::MountsThere;
use rolegate::ports::store::{Kind, Store};
use rolegate::ports::{Clock, NoRandom, Random};
use rolegate::store::kubernetes::tokens::{KubernetesTokens, TokensFeed};
use rolegate::tokens::entities::Entities;
use rolegate::tokens::{Issued, NewToken, Tokens, World};
use tokio_util::sync::{CancellationToken, DropGuard};

/// When every test begins.
const START: i64 = 1_700_000_000;

#[derive(Debug)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn unix_now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Debug)]
pub(crate) struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

#[derive(Debug)]
struct AllMounted;

impl MountsThere for AllMounted {
    fn is_mounted(&self, _: &str, _: &str) -> bool {
        true
    }
}

/// Ends without any farewell when it is dropped.
pub(crate) struct Replica {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) entities: Entities,
    pub(crate) store: Arc<KubernetesTokens>,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    clock: Arc<Hands>,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Replica {
    /// One that follows what others do.
    pub(crate) async fn open(client: Client, namespace: &str) -> Self {
        let (replica, feed) = Self::deaf(client, namespace).await;
        replica.follow(feed);
        replica
    }

    /// One that knows what is there now and follows nothing until it is told to.
    pub(crate) async fn deaf(client: Client, namespace: &str) -> (Self, TokensFeed) {
        let (health, metrics) = (Health::default(), Metrics::default());
        let store = KubernetesTokens::new(client, namespace);
        let feed = store.follow(health.clone(), metrics.clone()).await;
        let (store, clock) = (Arc::new(store), Arc::new(Hands(AtomicI64::new(START))));
        let tokens = Arc::new(Tokens::new(World {
            store: Arc::<KubernetesTokens>::clone(&store),
            clock: Arc::<Hands>::clone(&clock),
            random: Arc::new(System),
            mounts: Arc::new(AllMounted),
            metrics: metrics.clone(),
        }));
        let entities = Entities::new(Arc::<KubernetesTokens>::clone(&store), Arc::new(System));
        let stop = CancellationToken::new();
        let stops = stop.clone().drop_guard();
        (Self { tokens, entities, store, health, metrics, clock, stop, _stops: stops }, feed)
    }

    pub(crate) fn follow(&self, feed: TokensFeed) {
        tokio::spawn(feed.run(self.stop.clone()));
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn issue(&self, new: NewToken) -> Issued {
        self.tokens.issue(new).await.unwrap()
    }

    pub(crate) async fn child(&self, parent: &Issued) -> Issued {
        let parent = Parent { digest: digest_of(parent), accessor: parent.record.accessor.clone() };
        self.issue(NewToken { parent: Some(parent), ..new_token() }).await
    }

    pub(crate) async fn is_good(&self, token: &Issued) -> bool {
        self.tokens.find(token.token.expose()).await.unwrap().is_some()
    }

    pub(crate) async fn revoke(&self, token: &Issued) {
        assert!(self.tokens.revoke(&digest_of(token)).await.unwrap());
    }

    /// How many entries it knows of tokens: themselves, accessors, links, expiries, wrapped answers.
    pub(crate) async fn sizes(&self) -> [u64; 5] {
        let mut sizes = [0; 5];
        let kinds = [Kind::Token, Kind::Accessor, Kind::Child, Kind::Expiry, Kind::Wrapped];
        for (size, kind) in sizes.iter_mut().zip(kinds) {
            *size = self.store.count(kind).await.unwrap();
        }
        sizes
    }
}

pub(crate) fn digest_of(token: &Issued) -> TokenDigest {
    TokenDigest::of(token.token.expose())
}

/// A token for an hour.
pub(crate) fn new_token() -> NewToken {
    NewToken {
        kind: TokenKind::Service,
        id: None,
        parent: None,
        policies: vec!["default".to_owned()],
        path: "auth/token/create".to_owned(),
        meta: None,
        display_name: "token".to_owned(),
        num_uses: 0,
        ttl: 3600,
        explicit_max_ttl: 0,
        period: 0,
        entity_id: String::new(),
        renewable: true,
        bound_cidrs: vec![],
        login: None,
    }
}

pub(crate) fn batch() -> NewToken {
    NewToken { kind: TokenKind::Batch, renewable: false, ..new_token() }
}
