//! One suite over every store of entries: in memory, embedded, embedded with a key, and client tokens in the
//! Kubernetes API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails is a failed test"
)]

mod cases;
#[path = "../support/mod.rs"]
pub mod support;

use std::future::Future;
use std::sync::Arc;

use rolegate::core::store_key::StoreKey;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::ports::store::{Kind, Store};
use rolegate::ports::{NoRandom, Random};
use rolegate::store::embedded::{EmbeddedStore, Options};
use rolegate::store::kubernetes::tokens::KubernetesTokens;
use rolegate::store::memory::MemoryStore;
use support::kube::KubeApiserver;
use tokio_util::sync::CancellationToken;

use cases::Shared;

/// Every case as a test of its own for every store; those that want a commit over several tokens to be whole only for
/// stores that have transactions.
macro_rules! suite {
    (all: $($case:ident)*; whole: $($whole:ident)*) => {
        suite!(memory: memory_store => $($case)* $($whole)*);
        suite!(embedded: embedded_store => $($case)* $($whole)*);
        suite!(sealed: sealed_store => $($case)* $($whole)*);
        suite!(kubernetes_tokens: kubernetes_tokens => $($case)*);
    };
    ($module:ident: $with:ident => $($case:ident)*) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$with(super::cases::$case).await;
            })*
        }
    };
}

suite! {
    all:
    an_entry_reads_as_it_was_put_until_it_is_deleted
    a_name_means_nothing_outside_its_kind
    every_change_gives_another_version
    a_change_whose_expectation_does_not_hold_is_a_conflict
    a_commit_is_made_as_a_whole_or_not_at_all
    a_list_is_in_the_order_of_bytes_and_keeps_to_prefix_after_and_limit
    a_long_list_is_whole
    entries_are_counted_by_kind
    no_update_of_concurrent_writers_is_lost
    an_entry_is_created_once_however_many_try
    large_and_empty_values_and_names_of_any_bytes_are_kept;
    whole:
    readers_see_a_commit_whole
}

#[derive(Debug)]
struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

fn key() -> StoreKey {
    StoreKey::parse(&"42".repeat(32)).unwrap()
}

fn whole(store: impl Store + 'static) -> Shared {
    let (kinds, three) = (Kind::ALL.into(), [Kind::Config, Kind::Role, Kind::Policy]);
    Shared { store: Arc::new(store), kinds, three, longest: 3 << 20 }
}

async fn memory_store<F: Future<Output = ()>>(case: fn(Shared) -> F) {
    case(whole(MemoryStore::default())).await;
}

async fn embedded_store<F: Future<Output = ()>>(case: fn(Shared) -> F) {
    embedded(None, case).await;
}

async fn sealed_store<F: Future<Output = ()>>(case: fn(Shared) -> F) {
    embedded(Some(key()), case).await;
}

async fn embedded<F: Future<Output = ()>>(key: Option<StoreKey>, case: fn(Shared) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { key, ..Options::new(Arc::new(System), Health::default()) };
    case(whole(EmbeddedStore::open(directory.path(), options).unwrap())).await;
}

async fn kubernetes_tokens<F: Future<Output = ()>>(case: fn(Shared) -> F) {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let store = KubernetesTokens::new(api.client(), &namespace);
    let feed = store.follow(Health::default(), Metrics::default()).await;
    let stop = CancellationToken::new();
    let feed = tokio::spawn(feed.run(stop.clone()));
    let kinds = Kind::ALL.into_iter().filter(|kind| !kind.is_declared()).collect();
    let three = [Kind::Wrapped, Kind::Alias, Kind::Entity];
    case(Shared { store: Arc::new(store), kinds, three, longest: 700 << 10 }).await;
    stop.cancel();
    feed.await.unwrap();
}
