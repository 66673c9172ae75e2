//! Tests of what is kept of look-ups, by scripted ones and a clock that stands until it is moved.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::advance;

use super::{Found, Lookup, NEGATIVE, Outcome, Pin, ResolveError, Resolver, STALE, TTL};

/// Gives these outcomes in turn, each when it is let through.
struct Script {
    outcomes: Mutex<VecDeque<Result<Found, ResolveError>>>,
    asked: AtomicUsize,
    gate: Semaphore,
}

impl Lookup for Arc<Script> {
    fn lookup<'a>(
        &'a self,
        _name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Found, ResolveError>> + Send + 'a>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            self.outcomes.lock().unwrap().pop_front().unwrap()
        })
    }
}

/// A resolver whose next `open` look-ups are answered at once.
fn resolver(
    outcomes: impl Into<VecDeque<Result<Found, ResolveError>>>,
    open: usize,
) -> (Arc<Resolver>, Arc<Script>) {
    let script = Arc::new(Script {
        outcomes: Mutex::new(outcomes.into()),
        asked: AtomicUsize::default(),
        gate: Semaphore::new(open),
    });
    (Resolver::new("kube.example", Arc::clone(&script)), script)
}

fn found(last: u8, ttl: u64) -> Result<Found, ResolveError> {
    Ok(Found { addresses: vec![[10, 0, 0, last].into()], ttl: Duration::from_secs(ttl) })
}

/// The last byte of the first address.
fn last(outcome: Outcome) -> u8 {
    let std::net::IpAddr::V4(address) = outcome.unwrap()[0] else { panic!("an IPv4 address") };
    address.octets()[3]
}

#[tokio::test(start_paused = true)]
async fn one_look_up_serves_all_who_wait_and_all_within_its_ttl() {
    let (resolver, script) = resolver([found(1, 60), found(2, 60)], 1);
    let (one, other) = tokio::join!(resolver.addresses(), resolver.addresses());
    assert_eq!((last(one), last(other)), (1, 1));
    advance(Duration::from_secs(59)).await;
    assert_eq!(last(resolver.addresses().await), 1);
    assert_eq!(script.asked.load(Ordering::SeqCst), 1);
    script.gate.add_permits(1);
    advance(Duration::from_secs(1)).await;
    assert_eq!(last(resolver.addresses().await), 2);
    assert_eq!(script.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_ttl_has_bounds() {
    for (ttl, kept) in [(0, TTL.0), (86_400, TTL.1)] {
        let (resolver, script) = resolver([found(1, ttl), found(2, ttl)], 2);
        assert_eq!(last(resolver.addresses().await), 1);
        advance(kept - Duration::from_millis(1)).await;
        assert_eq!(last(resolver.addresses().await), 1);
        advance(Duration::from_millis(1)).await;
        assert_eq!(last(resolver.addresses().await), 2);
        assert_eq!(script.asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_outlive_name_servers_that_fail_for_an_hour_and_no_longer() {
    let failed = || Err(ResolveError::TimedOut(Duration::ZERO));
    let (resolver, _) = resolver([found(1, 60), failed(), failed()], 3);
    assert_eq!(last(resolver.addresses().await), 1);
    advance(Duration::from_secs(60)).await;
    assert_eq!(last(resolver.addresses().await), 1);
    advance(STALE).await;
    assert!(resolver.addresses().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn addresses_do_not_outlive_a_name_servers_denial() {
    let (resolver, _) = resolver([found(1, 60), Err(ResolveError::NoSuchName)], 2);
    assert_eq!(last(resolver.addresses().await), 1);
    advance(Duration::from_secs(60)).await;
    assert!(matches!(resolver.addresses().await, Err(ResolveError::NoSuchName)));
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_takes_long_is_not_waited_for_where_addresses_are_at_hand() {
    let (resolver, script) = resolver([found(1, 60), found(2, 60)], 1);
    assert_eq!(last(resolver.addresses().await), 1);
    advance(Duration::from_secs(60)).await;
    assert_eq!(last(resolver.addresses().await), 1, "it is in flight, and held");
    script.gate.add_permits(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(last(resolver.addresses().await), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stands_for_a_moment_and_a_name_without_an_answer_is_given_up() {
    let (resolver, script) = resolver([Err(ResolveError::NoSuchName), found(1, 60)], 1);
    for _ in 0..3 {
        assert!(matches!(resolver.addresses().await, Err(ResolveError::NoSuchName)));
    }
    assert_eq!(script.asked.load(Ordering::SeqCst), 1);
    advance(NEGATIVE).await;
    assert!(matches!(resolver.addresses().await, Err(ResolveError::TimedOut(_))), "it is held");
    script.gate.add_permits(1);
    advance(NEGATIVE).await;
    assert_eq!(last(resolver.addresses().await), 1);
}
