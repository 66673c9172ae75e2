//! What a full cache costs.

use std::sync::Arc;
use std::time::Duration;

use super::Asker;
use crate::core::identity::{Review, ReviewStatus};
use crate::core::review_key::ReviewKey;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::ports::Clock;
use crate::verify::{CacheSettings, Settings};

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn unix_now(&self) -> i64 {
        0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Mebibytes of this process in memory (proc(5), `statm`).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096 / (1 << 20)
}

#[test]
#[ignore = "measures the memory of the whole process: run it alone, with --ignored"]
fn a_million_tokens_of_ten_thousand_accounts_take_less_than_400_mebibytes() {
    const TOKENS: u64 = 1_000_000;
    let cache = CacheSettings { ttl: Duration::from_secs(3600), entries: TOKENS, ..CacheSettings::default() };
    let settings = Settings { cache, ..Settings::default() };
    let before = resident();
    let asker = Asker::new(settings, Arc::new(Still), Metrics::default(), Health::default());
    for number in 0..TOKENS {
        let account = number % 10_000;
        let status = ReviewStatus {
            authenticated: true,
            username: format!("system:serviceaccount:namespace-{:04}:service-{account:06}", account % 1000),
            uid: format!("d77f89bc-9055-11e7-a068-{account:012}"),
            ..ReviewStatus::default()
        };
        let key = ReviewKey::of("kubernetes", 1, &format!("token-{number}"), &["api"]);
        asker.remember(key, &asker.one_of(Review::of(&status, &[""; 0])), Duration::ZERO, None);
    }
    let kept = (0..TOKENS)
        .filter(|number| {
            let key = ReviewKey::of("kubernetes", 1, &format!("token-{number}"), &["api"]);
            asker.remembered.get(&key).is_some()
        })
        .count();
    let taken = resident() - before;
    assert!(kept > 990_000, "{kept} are remembered");
    assert!(taken < 400, "{taken} MiB");
    println!("{kept} reviews in {taken} MiB");
}
