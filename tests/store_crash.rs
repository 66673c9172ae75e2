//! What the embedded store has acknowledged survives a kill at any moment, whole; of what it has not, nothing or all.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a process that cannot be started is a failed test; the environment names the child's store"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::health::Health;
use rolegate::ports::store::{Change, Commit, Expect, Key, Kind, Page, Store, StoreError};
use rolegate::ports::{NoRandom, Random};
use rolegate::store::embedded::{EmbeddedStore, Options};

/// How often the child is killed, and how many of these rounds one store lives through.
const ROUNDS: u32 = 240;
const ROUNDS_OF_A_STORE: u32 = 6;

/// When a round no longer ends by itself.
const DEADLINE: Duration = Duration::from_secs(60);

/// Names the store's directory to the child, and the round.
const DIRECTORY: &str = "STORE_CRASH_DIRECTORY";
const ROUND: &str = "STORE_CRASH_ROUND";

/// How many tasks of the child commit at the same time.
const WRITERS: u32 = 12;

/// The kinds that every commit writes one entry of.
const KINDS: [Kind; 4] = [Kind::Token, Kind::Accessor, Kind::Expiry, Kind::Config];

#[derive(Debug)]
struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, Options::new(Arc::new(System), Health::default())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_there_after_a_kill_and_nothing_is_half_there() {
    let (mut acknowledged, mut unacknowledged, mut early) = (0, 0, 0);
    let mut directory = tempfile::tempdir().unwrap();
    let mut kept = BTreeSet::new();
    for round in 0..ROUNDS {
        if round % ROUNDS_OF_A_STORE == 0 {
            directory = tempfile::tempdir().unwrap();
            kept = BTreeSet::new();
        }
        let told = killed(directory.path(), round);
        let found = whole_commits(&open(directory.path())).await;
        let lost: Vec<_> = kept.union(&told).filter(|commit| !found.contains(*commit)).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        acknowledged += told.len();
        unacknowledged += found.len() - kept.union(&told).count();
        early += usize::from(told.is_empty());
        kept = found;
    }
    println!(
        "{acknowledged} acknowledged, {unacknowledged} kept without, {early} rounds killed before the first"
    );
    assert!(acknowledged > ROUNDS as usize, "{acknowledged}");
}

/// Lets a child commit and kills it at some moment; what it has acknowledged.
fn killed(directory: &Path, round: u32) -> BTreeSet<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "commits_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Some rounds end while the store is opened, most of them somewhere among the commits.
    let patience = patience();
    let mut told = BTreeSet::new();
    let started = Instant::now();
    while told.len() < patience {
        let line = lines.next().unwrap_or_else(|| panic!("the child has ended: {:?}", child.wait())).unwrap();
        told.extend(acknowledgement(&line));
        assert!(started.elapsed() < DEADLINE, "the child commits nothing");
    }
    // An acknowledgement comes just before the next transaction; the kill is to meet any part of one.
    std::thread::sleep(moment());
    kill(child);
    // What it had said before it was killed. The last line may be cut off, and is then no acknowledgement.
    told.extend(lines.map_while(Result::ok).filter_map(|line| acknowledgement(&line)));
    told
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    System.fill(&mut bytes).unwrap();
    bytes
}

/// How long after that: a few transactions at most.
fn moment() -> Duration {
    Duration::from_micros(u64::from(u16::from_be_bytes(random()) % 5000))
}

/// After how many acknowledgements a child is killed.
fn patience() -> usize {
    let [scale, number] = random();
    // Few, some, or many, so that kills meet the first transactions as well as the hundredth.
    usize::from(number) >> (scale % 8)
}

fn acknowledgement(line: &str) -> Option<String> {
    line.strip_prefix("kept ")?.strip_suffix('.').map(str::to_owned)
}

/// The commits that the store holds; none of them half.
async fn whole_commits(store: &EmbeddedStore) -> BTreeSet<String> {
    let mut found: Option<BTreeSet<String>> = None;
    for kind in KINDS {
        let mut names = BTreeSet::new();
        for (name, entry) in store.list(Page::of(kind, usize::MAX)).await.unwrap() {
            let name = String::from_utf8(name.into_vec()).unwrap();
            assert_eq!(*entry.value, *value(kind, &name).as_bytes(), "{kind:?} {name}");
            assert!(names.insert(name));
        }
        assert_eq!(store.count(kind).await.unwrap(), names.len() as u64, "{kind:?}");
        match &found {
            None => found = Some(names),
            Some(found) => {
                let half: Vec<_> = found.symmetric_difference(&names).collect();
                assert!(half.is_empty(), "half there without {kind:?} or with nothing else: {half:?}");
            }
        }
    }
    found.unwrap()
}

fn value(kind: Kind, name: &str) -> String {
    format!("{kind:?} {name} ").repeat(if kind == Kind::Token { 20 } else { 1 })
}

/// The child: many tasks, each with its own entries, and each saying what it has kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what the other test starts and kills"]
async fn commits_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let round = std::env::var(ROUND).unwrap();
    let store = open(Path::new(&directory));
    // The harness has begun a line of its own.
    println!();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(commits(store.clone(), format!("{round}/{writer}"))))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn commits(store: EmbeddedStore, writer: String) {
    for number in 0..10_000 {
        let name = format!("{writer}/{number}");
        let puts = KINDS.map(|kind| Change::put(Key::new(kind, &name), Expect::Absent, value(kind, &name)));
        store.commit(puts.into()).await.unwrap();
        // In one write, for lines of many tasks must not mix.
        std::io::stdout().write_all(format!("kept {name}.\n").as_bytes()).unwrap();
        // A conflict changes nothing, whatever else shares its transaction.
        if number % 5 == 0 {
            let half = Change::put(Key::new(Kind::Token, format!("half {name}")), Expect::Any, "half");
            let conflict = Change::put(Key::new(Kind::Accessor, &name), Expect::Absent, "half");
            assert!(matches!(store.commit(vec![half, conflict]).await, Err(StoreError::Conflict)));
        }
    }
}
