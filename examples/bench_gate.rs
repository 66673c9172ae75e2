//! What grows: 100,000 roles, 1,000,000 remembered reviews, swaps of the whole set, bursts of new tokens.
//!
//! The door is asked message by message, without HTTP/2 before it; the API server is a small real one in this process.
//! `REVIEWS` and `ROLES` set the sizes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a tool for developers, which may stop at the first error"
)]

#[path = "bench_gate/api_server.rs"]
mod api_server;
#[path = "bench_gate/house.rs"]
mod house;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use api_server::ApiServer;
use house::{House, message, resident_mib, token};

fn size(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    let (roles, reviews) = (size("ROLES", 100_000), size("REVIEWS", 1_000_000));
    let server = ApiServer::start().await;
    bursts(&server).await;
    let small = House::new(&server.url, 1, 1_000);
    let before = resident_mib();
    let large = House::new(&server.url, roles, reviews as u64 * 2);
    let with_roles = resident_mib();
    fill(&large, reviews).await;
    let with_reviews = resident_mib();
    println!(
        "{roles} roles: {:.0} MiB; {reviews} remembered reviews: {:.0} MiB",
        with_roles - before,
        with_reviews - with_roles
    );
    same_cost(&small, &large).await;
    swaps(&Arc::new(large), roles).await;
}

/// Nanoseconds a check of one remembered token takes, over many.
async fn cost(house: &House, account: usize) -> f64 {
    const CHECKS: u32 = 20_000;
    let message = message(&token(account, 0));
    house.check(message.clone()).await;
    let started = Instant::now();
    for _ in 0..CHECKS {
        house.check(message.clone()).await;
    }
    started.elapsed().as_nanos() as f64 / f64::from(CHECKS)
}

async fn same_cost(small: &House, large: &House) {
    let mut ratios = Vec::new();
    for _ in 0..15 {
        let (a, b) = (cost(large, 1).await, cost(small, 1).await);
        ratios.push(a / b);
    }
    println!("a check in the large set : in a set of one role   {}", spread(&mut ratios));
}

/// Median, lowest and highest.
fn spread(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    format!("{:.2} ({:.2} to {:.2})", values[values.len() / 2], values[0], values[values.len() - 1])
}

async fn fill(house: &House, reviews: usize) {
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..reviews {
        // One account each hundred tokens, as pods of one deployment have.
        let message = message(&token(number / 100, number));
        let door = house.door();
        waiting.spawn(async move { door.check(message, None).await.map(|_| ()) });
        if waiting.len() >= 512 {
            waiting.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap().unwrap();
    }
}

/// The slowest of a thousand checks, with and without the whole set being swapped meanwhile.
async fn swaps(house: &Arc<House>, roles: usize) {
    const CHECKS: usize = 100_000;
    let mut ratios = Vec::new();
    for _ in 0..9 {
        let quiet = p999(house, CHECKS).await;
        let stop = Arc::new(AtomicBool::new(false));
        let swapping = std::thread::spawn({
            let (house, stop) = (Arc::clone(house), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    house.swap(roles);
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        let busy = p999(house, CHECKS).await;
        stop.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
        ratios.push(busy / quiet);
    }
    println!("p99.9 of checks while {roles} roles are swapped : without   {}", spread(&mut ratios));
}

async fn p999(house: &House, checks: usize) -> f64 {
    let message = message(&token(1, 0));
    let mut taken = Vec::with_capacity(checks);
    for _ in 0..checks {
        let started = Instant::now();
        house.check(message.clone()).await;
        taken.push(started.elapsed().as_nanos() as f64);
    }
    taken.sort_by(f64::total_cmp);
    taken[checks * 999 / 1000]
}

async fn bursts(server: &ApiServer) {
    const CHECKS: usize = 10_000;
    let before = resident_mib();
    server.delay(Duration::from_millis(20));
    for (what, distinct) in [("one new token", false), ("10,000 new tokens", true)] {
        let house = House::new(&server.url, 1, 100_000);
        server.forget();
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..CHECKS {
            let message = message(&token(1, if distinct { number } else { 0 }));
            let door = house.door();
            asked.spawn(async move { house::is_allow(&door.check(message, None).await.unwrap()) });
        }
        let mut allowed = 0;
        while let Some(answer) = asked.join_next().await {
            allowed += usize::from(answer.unwrap());
        }
        println!(
            "a burst of {CHECKS} checks with {what}: {} reviews, at most {} at a time, {allowed} allowed, the rest overloaded",
            server.reviews(),
            server.most_at_a_time()
        );
    }
    println!("memory of both bursts: {:.0} MiB", (resident_mib() - before).max(0.0));
    server.delay(Duration::ZERO);
}
