//! The embedded store alone: filled fast, and its commits timed.
//!
//! * `fill DIRECTORY COUNT MOUNT_ACCESSOR`: puts so many service tokens of logins into the store, thousands in a commit.
//! * `commits DIRECTORY WRITERS SECONDS`: each of the writers commits one token after the other, as a login does. Prints
//!   one line of JSON: `count`, `seconds`, and this process's `cpu_seconds`.
//! * `appends DIRECTORY SECONDS`: what the disk does alone, 4 KiB and then `fdatasync`; prints the same.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a tool for developers, which may stop at the first error"
)]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rolegate::app::SystemRandom;
use rolegate::core::client_token::{ClientToken, Login, TokenDigest, TokenKind};
use rolegate::health::Health;
use rolegate::ports::store::{Change, Commit as _, Expect, Key, Kind};
use rolegate::store::embedded::{EmbeddedStore, Options};
use serde_json::json;

/// How many tokens a commit takes when the store is filled.
const AT_ONCE: u64 = 5_000;
/// How long a token lives.
const TTL: i64 = 86_400;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fill", directory, count, accessor] => fill(directory, count.parse().unwrap(), accessor).await,
        ["commits", directory, writers, seconds] => {
            commits(directory, writers.parse().unwrap(), length(seconds)).await;
        }
        ["appends", directory, seconds] => appends(Path::new(directory), length(seconds)),
        _ => panic!(
            "usage: bench_store fill DIRECTORY COUNT MOUNT_ACCESSOR | commits DIRECTORY WRITERS SECONDS | appends \
             DIRECTORY SECONDS"
        ),
    }
}

fn length(seconds: &str) -> Duration {
    Duration::from_secs_f64(seconds.parse().unwrap())
}

fn open(directory: &str) -> EmbeddedStore {
    let options = Options::new(Arc::new(SystemRandom), Health::default());
    EmbeddedStore::open(Path::new(directory), options).expect("a store")
}

async fn fill(directory: &str, count: u64, accessor: &str) {
    let store = open(directory);
    let mut next = 0;
    while next < count {
        let until = (next + AT_ONCE).min(count);
        let changes = (next..until).flat_map(|number| token(number, accessor)).collect();
        store.commit(changes).await.expect("a commit");
        next = until;
    }
}

async fn commits(directory: &str, writers: u64, length: Duration) {
    let store = open(directory);
    let (next, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + length);
    let before = (Instant::now(), cpu_seconds());
    let writing = (0..writers).map(|_| {
        let (store, next) = (store.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            while Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                store.commit(token(number, "auth_kubernetes_bench")).await.expect("a commit");
            }
        })
    });
    for writer in writing.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    tell(next.load(Ordering::Relaxed), before);
}

fn appends(directory: &Path, length: Duration) {
    let mut file = std::fs::File::create(directory.join("appends")).expect("a file");
    let (before, mut count) = ((Instant::now(), cpu_seconds()), 0);
    while before.0.elapsed() < length {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    tell(count, before);
}

fn tell(count: u64, (began, cpu): (Instant, f64)) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{}", json!({ "count": count, "seconds": seconds, "cpu_seconds": cpu_seconds() - cpu }));
}

/// Of all threads that run at this moment.
fn cpu_seconds() -> f64 {
    std::fs::read_dir("/proc/self/task")
        .expect("/proc")
        .map(|task| {
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or_default() / 1e9
        })
        .sum()
}

/// The entries of a login's token, which a login makes in one commit.
fn token(number: u64, mount_accessor: &str) -> Vec<Change> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let digest = TokenDigest::of(&format!("hvs.bench-{number}"));
    let accessor = format!("bench{number:019}");
    let record = ClientToken {
        kind: TokenKind::Service,
        accessor: accessor.clone(),
        parent: None,
        policies: vec!["default".to_owned(), "orders".to_owned()],
        path: "auth/kubernetes/login".to_owned(),
        meta: None,
        display_name: "kubernetes-shop-orders".to_owned(),
        num_uses: 0,
        created: now,
        creation_ttl: TTL,
        expires: Some(now + TTL),
        explicit_max_ttl: 0,
        period: 0,
        entity_id: "6f6a1e9e-7b0c-4a43-9d7e-2f8f3f6f1b77".to_owned(),
        renewable: true,
        bound_cidrs: vec![],
        last_renewal: None,
        indexed: Some(now + TTL),
        login: Some(Login {
            mount_accessor: mount_accessor.to_owned(),
            mount_path: "kubernetes".to_owned(),
            role: "service".to_owned(),
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "5b9d7c3e-1f2a-4b6c-8d0e-9c1f0f3e7a5b".to_owned(),
            secret_name: String::new(),
            labels: None,
        }),
    };
    let expiry = [&(now + TTL).to_be_bytes()[..], &digest.0[..]].concat();
    vec![
        Change::put(Key::new(Kind::Token, digest.0), Expect::Absent, record.to_bytes()),
        Change::put(Key::new(Kind::Accessor, &accessor), Expect::Absent, digest.0),
        Change::put(Key::new(Kind::Expiry, expiry), Expect::Any, []),
    ]
}
