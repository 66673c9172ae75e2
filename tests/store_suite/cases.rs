//! What every store of entries does.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use rolegate::ports::store::{Change, Expect, Key, Kind, Page, Store, StoreError};

/// A store and what it can do.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    /// What it takes.
    pub(crate) kinds: Vec<Kind>,
    /// Three of them; the first is among those whose values are secret.
    pub(crate) three: [Kind; 3],
    /// The longest value.
    pub(crate) longest: u32,
}

impl Deref for Shared {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Shared {
    fn first(&self, name: impl AsRef<[u8]>) -> Key {
        Key::new(self.three[0], name)
    }

    fn second(&self, name: impl AsRef<[u8]>) -> Key {
        Key::new(self.three[1], name)
    }

    fn third(&self, name: impl AsRef<[u8]>) -> Key {
        Key::new(self.three[2], name)
    }
}

fn put(key: Key, value: &str) -> Change {
    Change::put(key, Expect::Any, value)
}

async fn value(store: &Shared, key: &Key) -> Option<Vec<u8>> {
    store.get(key).await.unwrap().map(|entry| entry.value.to_vec())
}

async fn version(store: &Shared, key: &Key) -> u64 {
    store.get(key).await.unwrap().unwrap().version
}

fn is_conflict(outcome: Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Conflict))
}

pub(crate) async fn an_entry_reads_as_it_was_put_until_it_is_deleted(store: Shared) {
    for kind in store.kinds.clone() {
        let key = Key::new(kind, "name");
        assert_eq!(value(&store, &key).await, None);
        store.commit(vec![put(key.clone(), "one")]).await.unwrap();
        assert_eq!(value(&store, &key).await.unwrap(), b"one");
        store.commit(vec![put(key.clone(), "two")]).await.unwrap();
        assert_eq!(value(&store, &key).await.unwrap(), b"two");
        store.commit(vec![Change::delete(key.clone(), Expect::Any)]).await.unwrap();
        assert_eq!(value(&store, &key).await, None);
        store.commit(vec![Change::delete(key, Expect::Any)]).await.unwrap();
    }
}

pub(crate) async fn a_name_means_nothing_outside_its_kind(store: Shared) {
    let puts = store.kinds.iter().map(|kind| put(Key::new(*kind, "name"), &format!("{kind:?}")));
    store.commit(puts.collect()).await.unwrap();
    store.commit(vec![Change::delete(store.second("name"), Expect::Any)]).await.unwrap();
    for kind in store.kinds.iter().copied().filter(|kind| *kind != store.three[1]) {
        let read = value(&store, &Key::new(kind, "name")).await.unwrap();
        assert_eq!(read, format!("{kind:?}").into_bytes());
    }
    assert_eq!(value(&store, &store.second("name")).await, None);
}

pub(crate) async fn every_change_gives_another_version(store: Shared) {
    let mut versions = BTreeSet::new();
    for _ in 0..3 {
        store.commit(vec![put(store.first("a"), "same")]).await.unwrap();
        versions.insert(version(&store, &store.first("a")).await);
        store.commit(vec![put(store.first("a"), "same")]).await.unwrap();
        versions.insert(version(&store, &store.first("a")).await);
        store.commit(vec![Change::delete(store.first("a"), Expect::Any)]).await.unwrap();
    }
    assert_eq!(versions.len(), 6);
    store.commit(vec![put(store.first("b"), "b")]).await.unwrap();
    let before = version(&store, &store.first("b")).await;
    store.commit(vec![put(store.first("c"), "c")]).await.unwrap();
    assert_eq!(version(&store, &store.first("b")).await, before, "another entry's change");
}

pub(crate) async fn a_change_whose_expectation_does_not_hold_is_a_conflict(store: Shared) {
    let change = |expect| vec![Change::put(store.first("a"), expect, "x")];
    assert!(is_conflict(store.commit(change(Expect::Version(0))).await));
    assert!(is_conflict(store.commit(change(Expect::Version(1))).await));
    store.commit(change(Expect::Absent)).await.unwrap();
    assert!(is_conflict(store.commit(change(Expect::Absent)).await));
    let first = version(&store, &store.first("a")).await;
    store.commit(change(Expect::Version(first))).await.unwrap();
    assert!(is_conflict(store.commit(change(Expect::Version(first))).await));
    let delete = |expect| vec![Change::delete(store.first("a"), expect)];
    assert!(is_conflict(store.commit(delete(Expect::Version(first))).await));
    assert!(is_conflict(store.commit(delete(Expect::Absent)).await));
    let second = version(&store, &store.first("a")).await;
    store.commit(delete(Expect::Version(second))).await.unwrap();
    assert!(is_conflict(store.commit(change(Expect::Version(second))).await));
    store.commit(delete(Expect::Absent)).await.unwrap();
}

pub(crate) async fn a_commit_is_made_as_a_whole_or_not_at_all(store: Shared) {
    store.commit(vec![put(store.first("a"), "1"), put(store.second("r"), "1")]).await.unwrap();
    let before = version(&store, &store.first("a")).await;
    let changes = |last| {
        vec![
            put(store.first("a"), "2"),
            Change::delete(store.second("r"), Expect::Any),
            put(store.first("new"), "2"),
            Change::put(store.third("p"), last, "2"),
        ]
    };
    assert!(is_conflict(store.commit(changes(Expect::Version(7))).await));
    assert_eq!(value(&store, &store.first("a")).await.unwrap(), b"1");
    assert_eq!(version(&store, &store.first("a")).await, before);
    assert_eq!(value(&store, &store.second("r")).await.unwrap(), b"1");
    assert_eq!(value(&store, &store.first("new")).await, None);
    assert_eq!(value(&store, &store.third("p")).await, None);
    store.commit(changes(Expect::Absent)).await.unwrap();
    assert_eq!(value(&store, &store.first("a")).await.unwrap(), b"2");
    assert_eq!(value(&store, &store.second("r")).await, None);
    assert_eq!(value(&store, &store.first("new")).await.unwrap(), b"2");
    assert_eq!(value(&store, &store.third("p")).await.unwrap(), b"2");
}

async fn names(store: &Shared, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
    let listed = store.list(Page::of(store.three[0], limit).under(prefix).after(after)).await.unwrap();
    for (name, entry) in &listed {
        assert_eq!(Some(entry), store.get(&store.first(name)).await.unwrap().as_ref());
    }
    listed.into_iter().map(|(name, _)| name.into_vec()).collect()
}

pub(crate) async fn a_list_is_in_the_order_of_bytes_and_keeps_to_prefix_after_and_limit(store: Shared) {
    let all: [&[u8]; 8] = [b"", b"\0", b"a", b"a/", b"a/1", b"a/\xff", b"a/\xff\xff", b"b"];
    for name in [5, 2, 0, 7, 1, 6, 3, 4] {
        store.commit(vec![put(store.first(all[name]), "v")]).await.unwrap();
    }
    store.commit(vec![put(store.second("a/0"), "v")]).await.unwrap();
    assert_eq!(names(&store, b"", None, 100).await, all);
    assert_eq!(names(&store, b"a", None, 100).await, all[2..7]);
    assert_eq!(names(&store, b"a/", None, 100).await, all[3..7]);
    assert_eq!(names(&store, b"a/\xff", None, 100).await, all[5..7]);
    assert_eq!(names(&store, b"a/", None, 2).await, all[3..5]);
    assert_eq!(names(&store, b"a/", None, 0).await, [[0_u8; 0]; 0]);
    assert_eq!(names(&store, b"a/", Some(b"a/"), 100).await, all[4..7]);
    assert_eq!(names(&store, b"a/", Some(b"a/1"), 1).await, all[5..6]);
    assert_eq!(names(&store, b"a/", Some(b"a/2"), 100).await, all[5..7]);
    assert_eq!(names(&store, b"a/", Some(b"a"), 100).await, all[3..7]);
    assert_eq!(names(&store, b"a/", Some(b"b"), 100).await, [[0_u8; 0]; 0]);
    assert_eq!(names(&store, b"", Some(b""), 100).await, all[1..]);
    assert_eq!(names(&store, b"c", None, 100).await, [[0_u8; 0]; 0]);
}

pub(crate) async fn a_long_list_is_whole(store: Shared) {
    let numbered = |number: u32| store.first(number.to_be_bytes());
    store.commit((0..1000).map(|number| put(numbered(number), "v")).collect()).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let page = names(&store, b"", after.as_deref(), 300).await;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page);
    }
    assert!(found.iter().map(Vec::as_slice).eq((0..1000).map(|n: u32| n.to_be_bytes()).collect::<Vec<_>>()));
}

pub(crate) async fn entries_are_counted_by_kind(store: Shared) {
    for kind in store.kinds.clone() {
        assert_eq!(store.count(kind).await.unwrap(), 0);
    }
    let numbered = |number: u32| Key::new(Kind::Token, number.to_be_bytes());
    store.commit((0..50).map(|number| put(numbered(number), "v")).collect()).await.unwrap();
    store.commit((40..60).map(|number| put(numbered(number), "w")).collect()).await.unwrap();
    store
        .commit((0..10).map(|number| Change::delete(numbered(number), Expect::Any)).collect())
        .await
        .unwrap();
    assert_eq!(store.count(Kind::Token).await.unwrap(), 50);
    assert_eq!(store.count(Kind::Accessor).await.unwrap(), 0);
}

pub(crate) async fn no_update_of_concurrent_writers_is_lost(store: Shared) {
    let (writers, rounds) = (8, 25);
    store.commit(vec![put(store.first("counter"), "0")]).await.unwrap();
    let count = |store: Shared, writer: u32| async move {
        for round in 0..rounds {
            loop {
                let before = store.get(&store.first("counter")).await.unwrap().unwrap();
                let number: u32 = str::from_utf8(&before.value).unwrap().parse().unwrap();
                let add = Change::put(
                    store.first("counter"),
                    Expect::Version(before.version),
                    (number + 1).to_string(),
                );
                let mark = put(store.second(format!("{writer}/{round}/{number}")), "");
                match store.commit(vec![add, mark]).await {
                    Ok(()) => break,
                    Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    let tasks: Vec<_> = (0..writers).map(|writer| tokio::spawn(count(store.clone(), writer))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let total = writers * rounds;
    assert_eq!(value(&store, &store.first("counter")).await.unwrap(), total.to_string().into_bytes());
    assert_eq!(store.count(store.three[1]).await.unwrap(), u64::from(total), "one mark for each success");
}

pub(crate) async fn an_entry_is_created_once_however_many_try(store: Shared) {
    for round in 0..10 {
        let create = |store: Shared, who: usize| async move {
            let change = Change::put(store.first(format!("{round}")), Expect::Absent, who.to_string());
            store.commit(vec![change]).await.is_ok().then_some(who)
        };
        let tasks: Vec<_> = (0..16).map(|who| tokio::spawn(create(store.clone(), who))).collect();
        let mut winners = Vec::new();
        for task in tasks {
            winners.extend(task.await.unwrap());
        }
        let [winner] = winners[..] else { panic!("{winners:?}") };
        let kept = value(&store, &store.first(format!("{round}"))).await.unwrap();
        assert_eq!(kept, winner.to_string().into_bytes());
    }
}

pub(crate) async fn readers_see_a_commit_whole(store: Shared) {
    let pair = [store.first("pair/1"), store.first("pair/2")];
    let both = move |number: u32| pair.clone().map(|key| put(key, &number.to_string())).to_vec();
    store.commit(both(0)).await.unwrap();
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 1..200 {
                store.commit(both(number)).await.unwrap();
                let own = value(&store, &store.first("pair/1")).await.unwrap();
                assert_eq!(own, number.to_string().into_bytes(), "who has committed reads it");
            }
        })
    };
    while !writing.is_finished() {
        let pair = store.list(Page::of(store.three[0], 10).under(b"pair/")).await.unwrap();
        let values: BTreeSet<_> = pair.iter().map(|(_, entry)| entry.value.to_vec()).collect();
        assert_eq!((pair.len(), values.len()), (2, 1));
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
}

pub(crate) async fn large_and_empty_values_and_names_of_any_bytes_are_kept(store: Shared) {
    let large: Vec<u8> = (0..store.longest).map(|number: u32| number.to_le_bytes()[0]).collect();
    let every_byte: Vec<u8> = (0..=255).collect();
    let names = [vec![0; 1], every_byte.clone(), every_byte.repeat(16)];
    for (name, value) in names.iter().zip([large, every_byte, Vec::new()]) {
        for kind in [store.three[0], Kind::Token] {
            store
                .commit(vec![Change::put(Key::new(kind, name), Expect::Absent, value.clone())])
                .await
                .unwrap();
            let read = store.get(&Key::new(kind, name)).await.unwrap().unwrap().value;
            assert!(*read == value, "{} bytes read instead of {}", read.len(), value.len());
        }
    }
}
