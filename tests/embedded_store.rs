//! The embedded store's directory, key and copies.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rolegate::core::store_key::StoreKey;
use rolegate::errors::with_causes;
use rolegate::health::Health;
use rolegate::ports::store::{Change, Commit, Entry, Expect, Key, Kind, Page, Store};
use rolegate::ports::{NoRandom, Random};
use rolegate::store::embedded::{Copied, EmbeddedStore, OpenError, Options, restore};

#[derive(Debug)]
struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

fn open(directory: &Path, key: Option<&str>) -> Result<EmbeddedStore, OpenError> {
    let key = key.map(|digits| StoreKey::parse(&digits.repeat(32)).unwrap());
    EmbeddedStore::open(directory, Options { key, ..Options::new(Arc::new(System), Health::default()) })
}

/// The error of opening, without the directory.
#[track_caller]
fn refused(directory: &Path, key: Option<&str>) -> String {
    let error = open(directory, key).expect_err("it opens");
    with_causes(&error).replace(&directory.display().to_string(), "DIR")
}

async fn put(store: &EmbeddedStore, kind: Kind, name: &str, value: &str) {
    store.commit(vec![Change::put(Key::new(kind, name), Expect::Any, value)]).await.unwrap();
}

async fn get(store: &EmbeddedStore, kind: Kind, name: &str) -> String {
    let entry = store.get(&Key::new(kind, name)).await.unwrap().unwrap();
    str::from_utf8(&entry.value).unwrap().to_owned()
}

async fn everything(store: &EmbeddedStore) -> Vec<(Kind, Box<[u8]>, Entry)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let listed = store.list(Page::of(kind, usize::MAX)).await.unwrap();
        all.extend(listed.into_iter().map(|(name, entry)| (kind, name, entry)));
    }
    all
}

fn holds_text(directory: &Path, text: &str) -> bool {
    fs::read(directory.join("store.redb")).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[tokio::test]
async fn only_its_owner_may_read_it_and_only_one_process_may_hold_it() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/store");
    let store = open(&directory, None).unwrap();
    put(&store, Kind::Role, "a", "1").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("store.redb")), 0o600);
    assert_eq!(refused(&directory, None), "the store in `DIR` is held by another process");
    fs::set_permissions(directory.join("store.redb"), fs::Permissions::from_mode(0o644)).unwrap();
    let other = store.clone();
    drop(store);
    assert_eq!(refused(&directory, None), "the store in `DIR` is held by another process");
    drop(other);
    let store = open(&directory, None).unwrap();
    assert_eq!(get(&store, Kind::Role, "a").await, "1");
    assert_eq!(mode(&directory.join("store.redb")), 0o600);
}

#[tokio::test]
async fn secrets_are_sealed_with_a_key_and_open_with_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Some("a1")).unwrap();
    assert!(store.is_sealed());
    put(&store, Kind::Config, "kubernetes", "hunter2 of the reviewer").await;
    put(&store, Kind::Role, "orders", "no secret at all").await;
    assert_eq!(get(&store, Kind::Config, "kubernetes").await, "hunter2 of the reviewer");
    drop(store);
    assert!(holds_text(directory.path(), "no secret at all"));
    assert!(!holds_text(directory.path(), "hunter2"));
    assert_eq!(
        refused(directory.path(), None),
        "the store in `DIR` is sealed, expected its key in `store.key_file` or `ROLEGATE_STORE_KEY`"
    );
    assert_eq!(refused(directory.path(), Some("a2")), "the store in `DIR` is sealed with another key");
    let store = open(directory.path(), Some("a1")).unwrap();
    assert_eq!(get(&store, Kind::Config, "kubernetes").await, "hunter2 of the reviewer");
}

#[tokio::test]
async fn a_key_that_comes_later_seals_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), None).unwrap();
    assert!(!store.is_sealed());
    put(&store, Kind::Config, "kubernetes", "hunter2").await;
    put(&store, Kind::Role, "orders", "role").await;
    let before = store.get(&Key::new(Kind::Config, "kubernetes")).await.unwrap();
    drop(store);
    let store = open(directory.path(), Some("a1")).unwrap();
    assert_eq!(store.get(&Key::new(Kind::Config, "kubernetes")).await.unwrap(), before);
    assert_eq!(get(&store, Kind::Role, "orders").await, "role");
    drop(store);
    assert_eq!(
        refused(directory.path(), None),
        "the store in `DIR` is sealed, expected its key in `store.key_file` or `ROLEGATE_STORE_KEY`"
    );
}

#[test]
fn a_store_of_another_format_or_of_rubbish_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), None).unwrap());
    let whole = redb::TableDefinition::<&str, &[u8]>::new("whole");
    {
        let database = redb::Database::open(directory.path().join("store.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(whole).unwrap().insert("format", 2_u64.to_be_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
    }
    assert_eq!(
        refused(directory.path(), None),
        "the store in `DIR` has format 2, this version reads format 1"
    );

    let rubbish = b"rubbish".repeat(1000);
    fs::write(directory.path().join("store.redb"), &rubbish).unwrap();
    assert!(refused(directory.path(), None).starts_with("the store in `DIR` cannot be read: the database: "));
    assert_eq!(fs::read(directory.path().join("store.redb")).unwrap(), rubbish);
    fs::write(directory.path().join("file"), "").unwrap();
    let error = refused(&directory.path().join("file"), None);
    assert!(error.starts_with("the store in `DIR` cannot be opened: "), "{error}");
}

/// A sealed store with some entries of several kinds, and a copy of it.
async fn copied(directory: &Path) -> (EmbeddedStore, Copied, Vec<u8>) {
    let store = open(directory, Some("a1")).unwrap();
    for number in 0..20 {
        put(&store, Kind::Token, &format!("{number}"), "token").await;
    }
    put(&store, Kind::Config, "kubernetes", "hunter2").await;
    put(&store, Kind::Expiry, "now", "").await;
    let mut copy = Vec::new();
    let told = store.backup(&mut copy).unwrap();
    (store, told, copy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_that_of_one_moment_while_others_write_and_becomes_a_store_again() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _, _) = copied(&directory.path().join("store")).await;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..300 {
                let pair = [Kind::Role, Kind::Policy];
                let pair =
                    pair.map(|kind| Change::put(Key::new(kind, format!("{number}")), Expect::Any, "v"));
                store.commit(pair.into()).await.unwrap();
            }
        })
    };
    while store.count(Kind::Role).await.unwrap() < 20 {
        tokio::task::yield_now().await;
    }
    let mut copy = Vec::new();
    let told = store.backup(&mut copy).unwrap();
    writer.await.unwrap();
    assert_eq!(told.bytes, copy.len() as u64);
    assert!(!copy.windows(7).any(|bytes| bytes == b"hunter2"));

    let fresh = directory.path().join("fresh");
    assert_eq!(restore(&mut copy.as_slice(), &fresh).unwrap(), told);
    assert_eq!(
        refused(&fresh, None),
        "the store in `DIR` is sealed, expected its key in `store.key_file` or `ROLEGATE_STORE_KEY`"
    );
    let restored = open(&fresh, Some("a1")).unwrap();
    let all = everything(&restored).await;
    assert_eq!(all.len() as u64, told.entries);
    let roles = restored.count(Kind::Role).await.unwrap();
    assert!(roles >= 20 && roles == restored.count(Kind::Policy).await.unwrap());
    for (kind, name, entry) in &all {
        assert_eq!(store.get(&Key::new(*kind, name)).await.unwrap().as_ref(), Some(entry));
    }
    // Versions go on where they were.
    put(&restored, Kind::Role, "new", "v").await;
    let newest = restored.get(&Key::new(Kind::Role, "new")).await.unwrap().unwrap().version;
    assert!(all.iter().all(|(_, _, entry)| entry.version < newest));
}

#[tokio::test]
async fn a_copy_that_is_not_whole_is_refused_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (_, told, copy) = copied(&parent.path().join("store")).await;
    let target = parent.path().join("target");
    let told_of = |copy: &[u8]| {
        let error = restore(&mut &*copy, &target).expect_err("it is restored");
        assert!(!target.join("store.redb").exists() && !target.join("unfinished.redb").exists());
        error.to_string()
    };
    for length in (0..16).chain((16..copy.len()).step_by(37)).chain(copy.len() - 40..copy.len()) {
        let expected = if length < 16 { "this is no copy of a store" } else { "the copy ends too early" };
        assert_eq!(told_of(&copy[..length]), expected, "{length}");
    }
    for position in (0..copy.len()).step_by(31).chain(copy.len() - 33..copy.len()) {
        let mut damaged = copy.clone();
        damaged[position] ^= 0x10;
        let error = told_of(&damaged);
        let expected = ["this is no copy of a store", "the copy is damaged", "the copy ends too early"];
        assert!(expected.contains(&error.as_str()) || error.starts_with("the copy has format"), "{error}");
    }
    assert_eq!(told_of(&[copy.as_slice(), b"x"].concat()), "the copy is damaged");
    assert_eq!(restore(&mut copy.as_slice(), &target).unwrap(), told);
}

#[tokio::test]
async fn a_copy_goes_only_into_an_empty_directory_that_nobody_holds() {
    let parent = tempfile::tempdir().unwrap();
    let (store, _, copy) = copied(&parent.path().join("store")).await;
    let told_of = |directory: &Path| {
        let error = restore(&mut copy.as_slice(), directory).expect_err("it is restored");
        error.to_string().replace(&directory.display().to_string(), "DIR")
    };
    let occupied = "`DIR` is not empty, expected an empty directory or none";
    assert_eq!(told_of(&parent.path().join("store")), occupied);
    let before = everything(&store).await;
    drop(store);
    assert_eq!(told_of(&parent.path().join("store")), occupied);
    assert_eq!(everything(&open(&parent.path().join("store"), Some("a1")).unwrap()).await, before);
    let other = parent.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine").unwrap();
    assert_eq!(told_of(&other), occupied);
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    let held = parent.path().join("held");
    let holder = open(&held, None).unwrap();
    fs::remove_file(held.join("store.redb")).unwrap();
    assert_eq!(told_of(&held), "the store in `DIR` is held by another process");
    drop(holder);
}

#[tokio::test]
async fn a_database_that_a_killed_process_left_unfinished_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = directory.path().join("unfinished.redb");
    fs::write(&unfinished, "redb, the first half of it").unwrap();
    put(&open(directory.path(), None).unwrap(), Kind::Policy, "p", "text").await;
    assert!(!unfinished.exists());
    assert_eq!(get(&open(directory.path(), None).unwrap(), Kind::Policy, "p").await, "text");
}

#[tokio::test]
async fn the_file_takes_no_more_room_however_often_entries_come_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), None).unwrap();
    let mut sizes = Vec::new();
    for round in 0..8_u32 {
        let keys: Vec<Key> = (0..2000_u32)
            .map(|number| Key::new(Kind::Token, [round, number].map(u32::to_be_bytes).concat()))
            .collect();
        for keys in keys.chunks(250) {
            let put = |key: &Key| Change::put(key.clone(), Expect::Any, [7; 700]);
            store.commit(keys.iter().map(put).collect()).await.unwrap();
        }
        for keys in keys.chunks(250) {
            let delete = |key: &Key| Change::delete(key.clone(), Expect::Any);
            store.commit(keys.iter().map(delete).collect()).await.unwrap();
        }
        sizes.push(fs::metadata(directory.path().join("store.redb")).unwrap().len());
    }
    let first = sizes[..3].iter().max().unwrap();
    assert!(sizes.iter().all(|size| size <= first), "{sizes:?}");
}
