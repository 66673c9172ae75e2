//! One suite over every store of entries: in memory, embedded, and embedded with a key.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails is a failed test"
)]

mod cases;

use std::future::Future;
use std::sync::Arc;

use rolegate::core::store_key::StoreKey;
use rolegate::health::Health;
use rolegate::ports::store::Store;
use rolegate::ports::{NoRandom, Random};
use rolegate::store::embedded::{EmbeddedStore, Options};
use rolegate::store::memory::MemoryStore;

/// Every case as a test of its own for every store.
macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::cases::$case(std::sync::Arc::new(super::MemoryStore::default())).await;
            })*
        }

        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::embedded_store(None, super::cases::$case).await;
            })*
        }

        mod sealed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::embedded_store(Some(super::key()), super::cases::$case).await;
            })*
        }
    };
}

suite! {
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
    readers_see_a_commit_whole
    large_and_empty_values_and_names_of_any_bytes_are_kept
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

async fn embedded_store<F: Future<Output = ()>>(key: Option<StoreKey>, case: fn(Arc<dyn Store>) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { key, ..Options::new(Arc::new(System), Health::default()) };
    case(Arc::new(EmbeddedStore::open(directory.path(), options).unwrap())).await;
}
