//! What every request counts, without a word between threads: each has a shard of its own, added up when somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::reviews::BUCKETS;

/// More threads than that share shards.
const SHARDS: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

/// Decisions and requests with their durations, and looks into the review cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Hot(Arc<[Shard; SHARDS]>);

/// Apart from its neighbours in the processors' caches.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    decisions: Vec<Decisions>,
    requests: Vec<((&'static str, &'static str), Durations)>,
    looks: Vec<(&'static str, u64)>,
}

/// The decisions with one set of labels.
#[derive(Debug)]
struct Decisions {
    reason: &'static str,
    outcome: &'static str,
    door: &'static str,
    mount: Arc<str>,
    durations: Durations,
}

/// How many took up to each of [`BUCKETS`], and longer; and how long all took together.
#[derive(Debug, Default, Clone)]
struct Durations {
    buckets: [u64; BUCKETS.len() + 1],
    sum: Duration,
}

impl Hot {
    /// Counts a decision.
    pub(super) fn decision(
        &self,
        door: &'static str,
        mount: &Arc<str>,
        outcome: &'static str,
        reason: &'static str,
        took: Duration,
    ) {
        let mut counts = self.own();
        let same = |known: &Decisions| {
            known.reason == reason
                && known.outcome == outcome
                && known.door == door
                && (Arc::ptr_eq(&known.mount, mount) || known.mount == *mount)
        };
        match counts.decisions.iter().position(same) {
            Some(found) => {
                // One step forward each time, so what is frequent is found first.
                counts.decisions.swap(found, found.saturating_sub(1));
                if let Some(known) = counts.decisions.get_mut(found.saturating_sub(1)) {
                    known.durations.add(took);
                }
            }
            None => {
                let mut durations = Durations::default();
                durations.add(took);
                counts.decisions.push(Decisions { reason, outcome, door, mount: mount.clone(), durations });
            }
        }
    }

    /// Counts a request to the Vault door.
    pub(super) fn request(&self, operation: &'static str, status: &'static str, took: Duration) {
        let mut counts = self.own();
        let labels = (operation, status);
        match counts.requests.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, durations)) => durations.add(took),
            None => {
                let mut durations = Durations::default();
                durations.add(took);
                counts.requests.push((labels, durations));
            }
        }
    }

    /// Counts a look into the review cache.
    pub(super) fn look(&self, result: &'static str) {
        let mut counts = self.own();
        match counts.looks.iter_mut().find(|(known, _)| *known == result) {
            Some((_, count)) => *count += 1,
            None => counts.looks.push((result, 1)),
        }
    }

    fn own(&self) -> MutexGuard<'_, Counts> {
        let shard = THREAD.with(|thread| *thread);
        // The number is below the length; the first shard is there in any case.
        let [first, ..] = &*self.0;
        self.0.get(shard).unwrap_or(first).0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Visits the counts of all threads.
    fn each(&self, mut visit: impl FnMut(&Counts)) {
        for shard in self.0.iter() {
            visit(&shard.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Durations {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|most| seconds <= *most).unwrap_or(BUCKETS.len());
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(took);
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.buckets.iter_mut().zip(other.buckets) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    fn encode(&self, family: &mut MetricEncoder<'_>, labels: &[(&str, &str)]) -> fmt::Result {
        let limits = BUCKETS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = limits.zip(self.buckets).collect();
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            self.sum.as_secs_f64(),
            self.count(),
            &buckets,
            None,
        )
    }
}

impl Collector for Hot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut decisions: BTreeMap<_, u64> = BTreeMap::new();
        let mut durations: BTreeMap<_, Durations> = BTreeMap::new();
        let mut requests: BTreeMap<_, Durations> = BTreeMap::new();
        let mut looks: BTreeMap<_, u64> = BTreeMap::new();
        self.each(|counts| {
            for known in &counts.decisions {
                let labels = (known.door, known.mount.clone(), known.outcome, known.reason);
                *decisions.entry(labels).or_default() += known.durations.count();
                durations.entry((known.door, known.outcome)).or_default().merge(&known.durations);
            }
            for (labels, found) in &counts.requests {
                requests.entry(*labels).or_default().merge(found);
            }
            for (result, count) in &counts.looks {
                *looks.entry(*result).or_default() += count;
            }
        });

        let help = "Decisions by door, mount, outcome and reason";
        let mut family = encoder.encode_descriptor("decisions", help, None, MetricType::Counter)?;
        for ((door, mount, outcome, reason), count) in &decisions {
            let labels = [("door", *door), ("mount", mount), ("outcome", outcome), ("reason", reason)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(count, None)?;
        }
        let help = "From a request's arrival to its decision";
        let unit = Some(&Unit::Seconds);
        let mut family = encoder.encode_descriptor("decision_duration", help, unit, MetricType::Histogram)?;
        for ((door, outcome), found) in &durations {
            found.encode(&mut family, &[("door", *door), ("outcome", outcome)])?;
        }
        encode_requests(&requests, &mut encoder)?;
        let help = "Looks into the review cache by result";
        let mut family = encoder.encode_descriptor("review_cache", help, None, MetricType::Counter)?;
        for (result, count) in &looks {
            family
                .encode_family(&[("result", *result)])?
                .encode_counter::<NoLabelSet, _, f64>(count, None)?;
        }
        Ok(())
    }
}

/// The requests to the Vault door, by operation and status; their durations by operation alone.
fn encode_requests(
    requests: &BTreeMap<(&'static str, &'static str), Durations>,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let help = "Requests to the Vault door by operation and status";
    let mut family = encoder.encode_descriptor("vault_requests", help, None, MetricType::Counter)?;
    let mut durations: BTreeMap<_, Durations> = BTreeMap::new();
    for ((operation, status), found) in requests {
        let labels = [("operation", *operation), ("status", *status)];
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&found.count(), None)?;
        durations.entry(*operation).or_default().merge(found);
    }
    let help = "From a request's head at the Vault door to its answer";
    let unit = Some(&Unit::Seconds);
    let mut family =
        encoder.encode_descriptor("vault_request_duration", help, unit, MetricType::Histogram)?;
    for (operation, found) in &durations {
        found.encode(&mut family, &[("operation", *operation)])?;
    }
    Ok(())
}
