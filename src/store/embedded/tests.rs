//! The store on a medium that fails and on one that loses its power.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::Medium;
use super::open::Unfit;
use super::{EmbeddedStore, Options};
use crate::health::Health;
use crate::ports::store::{Change, Commit, Expect, Key, Kind, Page, Store, StoreError};
use crate::ports::{NoRandom, Random};

#[derive(Debug)]
struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

/// Bytes in memory, in the way of a disk: what is not synced may be lost.
#[derive(Debug, Default)]
struct Bytes(Mutex<Content>);

#[derive(Debug, Default, Clone)]
struct Content {
    bytes: Vec<u8>,
    /// What every power cut leaves.
    synced: Vec<u8>,
    /// What has been done since the last sync.
    unsynced: Vec<Step>,
    fault: Option<Fault>,
    steps: u64,
    /// The step before which the power goes.
    cut: Option<u64>,
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Write,
    Growth,
    Sync,
    Read,
}

impl Step {
    /// What of it a disk does or leaves.
    fn parts(&self) -> Vec<Self> {
        match self {
            Self::SetLen(_) => vec![self.clone()],
            Self::Write(offset, data) => {
                let sectors = data.chunks(512).zip((*offset..).step_by(512));
                sectors.map(|(sector, offset)| Self::Write(offset, sector.to_vec())).collect()
            }
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
            Self::Write(offset, data) => {
                let offset = usize::try_from(*offset).unwrap();
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[offset..offset + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Bytes {
    fn with<T>(&self, with: impl FnOnce(&mut Content) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.with(|content| content.fault = fault.into());
    }

    fn step(&self, fault: Fault, step: Step) -> io::Result<()> {
        self.with(|content| {
            content.power()?;
            if content.fault == Some(fault) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            step.apply(&mut content.bytes);
            content.unsynced.push(step);
            Ok(())
        })
    }

    /// What a power cut leaves: what was synced, and of the rest those sectors of which `survives` says so.
    fn after_a_cut(&self, mut survives: impl FnMut() -> bool) -> Arc<Self> {
        let content = self.with(|content| content.clone());
        let mut bytes = content.synced;
        for step in content.unsynced.iter().flat_map(Step::parts) {
            if survives() {
                step.apply(&mut bytes);
            }
        }
        Arc::new(Self(Mutex::new(Content { synced: bytes.clone(), bytes, ..Content::default() })))
    }
}

impl Content {
    fn power(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.cut.is_some_and(|cut| self.steps > cut) {
            return Err(io::Error::other("no power"));
        }
        Ok(())
    }
}

impl Medium for Bytes {
    fn len(&self) -> io::Result<u64> {
        self.with(|content| Ok(content.bytes.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.with(|content| match content.bytes.get(offset..offset + out.len()) {
            Some(bytes) if content.fault != Some(Fault::Read) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step(Fault::Write, Step::Write(offset, data.to_vec()))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.step(Fault::Growth, Step::SetLen(length))
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|content| {
            content.power()?;
            if content.fault == Some(Fault::Sync) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let Content { synced, unsynced, .. } = content;
            unsynced.drain(..).for_each(|step| step.apply(synced));
            Ok(())
        })
    }
}

fn open(medium: &Arc<Bytes>, health: &Health) -> EmbeddedStore {
    // A cache that holds nearly nothing, so that reads come from the medium.
    let options = Options { cache_bytes: 1 << 14, ..Options::new(Arc::new(System), health.clone()) };
    match EmbeddedStore::on(Arc::<Bytes>::clone(medium), options) {
        Ok(store) => store,
        Err(Unfit::Trouble(trouble)) => panic!("{trouble:?}"),
        Err(_) => panic!("the format or the key"),
    }
}

fn role(number: u32) -> Key {
    Key::new(Kind::Role, number.to_be_bytes())
}

fn put(number: u32) -> Vec<Change> {
    vec![Change::put(role(number), Expect::Any, [7; 3000])]
}

async fn roles(store: &EmbeddedStore) -> usize {
    store.list(Page::of(Kind::Role, 10_000)).await.unwrap().len()
}

#[tokio::test]
async fn while_the_disk_takes_no_writes_commits_fail_and_reads_go_on_and_later_commits_work() {
    for fault in [Fault::Write, Fault::Growth, Fault::Sync] {
        let (medium, health) = (Arc::new(Bytes::default()), Health::default());
        let store = open(&medium, &health);
        for number in 0..500 {
            store.commit(put(number)).await.unwrap();
        }
        for round in 1..3 {
            medium.fault(fault);
            let mut failed = false;
            // A file grows only now and then.
            for number in 0..3000 {
                let outcome = store.commit(put(round * 10_000 + number)).await;
                failed = matches!(outcome, Err(StoreError::Failed(_)));
                assert!(failed || outcome.is_ok());
                if failed {
                    break;
                }
            }
            assert!(failed, "{fault:?}");
            assert!(health.troubles()["store"].contains("no storage space"), "{:?}", health.troubles());
            let there = roles(&store).await;
            assert!(there >= 500, "{fault:?}: {there}");
            assert!(store.get(&role(3)).await.unwrap().is_some());
            assert!(matches!(store.commit(put(9)).await, Err(StoreError::Failed(_))), "{fault:?}");
            assert_eq!(roles(&store).await, there);
            medium.fault(None);
            store.commit(put(round * 20_000)).await.unwrap();
            assert!(health.troubles().is_empty());
            assert!(store.get(&role(round * 20_000)).await.unwrap().is_some());
            assert!(roles(&store).await > there);
        }
        let before = roles(&store).await;
        drop(store);
        assert_eq!(roles(&open(&medium, &health)).await, before, "{fault:?}");
    }
}

#[tokio::test]
async fn a_read_that_failed_works_again_after_the_next_commit() {
    let (medium, health) = (Arc::new(Bytes::default()), Health::default());
    let store = open(&medium, &health);
    for number in 0..500 {
        store.commit(put(number)).await.unwrap();
    }
    medium.fault(Fault::Read);
    let failed = store.list(Page::of(Kind::Role, 10_000)).await;
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    medium.fault(None);
    // The first one meets what the database remembers of the failure.
    let _ = store.commit(put(1000)).await;
    store.commit(put(1000)).await.unwrap();
    assert_eq!(roles(&store).await, 501);
}

#[tokio::test]
async fn whenever_the_power_goes_what_was_acknowledged_is_there_and_nothing_is_half_there() {
    let mut state = 1_u64;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 0
    };
    let pair = |number: u32| {
        [Kind::Token, Kind::Accessor]
            .map(|kind| Change::put(Key::new(kind, number.to_be_bytes()), Expect::Any, [1; 500]))
    };
    let mut medium = Arc::new(Bytes::default());
    drop(open(&medium, &Health::default()));
    let mut kept = BTreeSet::new();
    for round in 0..200 {
        // Every point of a transaction in turn, those of the start among them.
        medium.with(|content| content.cut = Some(content.steps + 1 + round % 67));
        let options = Options::new(Arc::new(System), Health::default());
        if let Ok(store) = EmbeddedStore::on(Arc::<Bytes>::clone(&medium), options) {
            for number in 0..40 {
                let number = u32::try_from(round).unwrap() * 100 + number;
                let (one, two) = (store.commit(pair(number).into()), store.commit(pair(number + 50).into()));
                let (one, two) = tokio::join!(one, two);
                kept.extend(one.is_ok().then_some(number));
                kept.extend(two.is_ok().then_some(number + 50));
                if one.is_err() {
                    break;
                }
            }
        }
        medium = medium.after_a_cut(&mut coin);
        let store = open(&medium, &Health::default());
        let mut found = Vec::new();
        for kind in [Kind::Token, Kind::Accessor] {
            let listed = store.list(Page::of(kind, 100_000)).await.unwrap().into_iter();
            found.push(
                listed
                    .map(|(name, _)| u32::from_be_bytes((*name).try_into().unwrap()))
                    .collect::<BTreeSet<_>>(),
            );
        }
        assert_eq!(found[0], found[1], "round {round}");
        let lost: Vec<_> = kept.difference(&found[0]).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        kept.clone_from(&found[0]);
    }
    assert!(kept.len() > 200, "{}", kept.len());
}
