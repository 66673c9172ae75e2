//! How many connections the process can hold: by file descriptors, and by memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Bound;
use super::memory;
use super::places::surplus;
use crate::metrics::Metrics;

/// Descriptors for everything that is neither a client's connection nor one to the API server of a mount: the runtime,
/// listeners, logs, files, the store with its watches, name resolution.
const OWN: usize = 96;

/// Mounts that are reckoned with before any is loaded.
const MOUNTS: usize = 4;

/// The memory that a connection is reckoned with: an idle one with TLS and HTTP/2, and what the kernel keeps for it.
const CONNECTION_BYTES: u64 = 48 << 10;

/// The part of the memory limit that connections may fill: one of so many.
const MEMORY_PART: u64 = 4;

/// Raises the limit of file descriptors to the hard limit, and says in the log what it was and is.
///
/// It never fails: with a system that refuses, the limit stays as it is.
pub fn raise_descriptor_limit() {
    let before = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    let after = getrlimit(Resource::Nofile);
    let (soft, limit) = (number(before.current), number(after.current));
    match raised {
        Ok(()) => tracing::info!(soft, limit, "file descriptors: the soft limit is raised to the hard limit"),
        Err(error) => tracing::warn!(soft, limit, %error, "file descriptors: the limit cannot be raised"),
    }
}

/// None: without a limit.
fn number(limit: Option<u64>) -> u64 {
    limit.unwrap_or(u64::MAX)
}

/// What limits connections.
#[derive(Debug, Clone, Copy)]
struct Resources {
    descriptors: u64,
    /// Bytes; none: without a limit.
    memory: Option<u64>,
}

/// The places that so many descriptors are good for beside the surplus of those that close: one at least, `most` at most.
fn places(descriptors: usize, most: usize) -> usize {
    descriptors.saturating_sub(surplus(descriptors.min(most))).clamp(1, most.max(1))
}

/// What is needed for the process itself and for each mount's connections to its API server.
fn needed(mounts: usize, connections_of_a_mount: usize) -> usize {
    OWN.saturating_add(mounts.saturating_mul(connections_of_a_mount))
}

/// What is kept back of the descriptors: what is needed, and never more than half.
fn reserve(descriptors: usize, needed: usize) -> usize {
    needed.min(descriptors / 2)
}

/// Divides what is left by weight among listeners with these weights and upper bounds: the places of each.
fn divide(resources: Resources, reserve: usize, listeners: &[(usize, usize)]) -> Vec<usize> {
    let descriptors = usize::try_from(resources.descriptors).unwrap_or(usize::MAX).saturating_sub(reserve);
    let by_memory = resources.memory.map_or(u64::MAX, |bytes| bytes / MEMORY_PART / CONNECTION_BYTES);
    let all = descriptors.min(usize::try_from(by_memory).unwrap_or(usize::MAX));
    let weights = listeners.iter().map(|(weight, _)| weight).sum::<usize>().max(1);
    let each = |(weight, most): &(usize, usize)| places(all / weights * weight, *most);
    listeners.iter().map(each).collect()
}

/// What the listeners of a process share.
#[derive(Debug)]
pub struct Budget {
    resources: Resources,
    connections_of_a_mount: usize,
    listeners: Vec<(usize, usize, Arc<AtomicUsize>)>,
    /// It was said that descriptors are few.
    warned: AtomicBool,
}

impl Budget {
    /// Divides descriptors and memory among listeners by weight; each counts in `metrics`. No listener gets more places
    /// than its limits say. `connections_of_a_mount` is how many a mount may have to its API server.
    pub fn divide(
        listeners: &mut [(&mut Bound, usize)],
        connections_of_a_mount: usize,
        metrics: &Metrics,
    ) -> Self {
        let resources =
            Resources { descriptors: number(getrlimit(Resource::Nofile).current), memory: memory::limit() };
        let warned = AtomicBool::new(false);
        let mut budget = Self { resources, connections_of_a_mount, listeners: Vec::new(), warned };
        for (bound, weight) in listeners {
            budget.listeners.push((*weight, bound.limits.connections, Arc::clone(&bound.places)));
            bound.metrics = Some(metrics.clone());
        }
        budget.reserve_for(MOUNTS);
        budget
    }

    /// Keeps descriptors back for so many mounts, and for a few where there are less.
    pub fn reserve_for(&self, mounts: usize) {
        let descriptors = usize::try_from(self.resources.descriptors).unwrap_or(usize::MAX);
        let needed = needed(mounts.max(MOUNTS), self.connections_of_a_mount);
        let reserve = reserve(descriptors, needed);
        if reserve < needed && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                limit = descriptors,
                reserve,
                needed,
                "file descriptors are too few for as many connections to API servers as `review.max_in_flight` allows; \
                 raise the hard limit"
            );
        }
        let wanted: Vec<_> = self.listeners.iter().map(|(weight, most, _)| (*weight, *most)).collect();
        let divided = divide(self.resources, reserve, &wanted);
        for ((.., places), divided) in self.listeners.iter().zip(divided) {
            places.store(divided, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CONNECTION_BYTES, MEMORY_PART, Resources, divide, needed, places, reserve, surplus};

    /// The Envoy door, the Vault door, the operations door.
    const DOORS: [(usize, usize); 3] = [(4, 4096), (4, 4096), (1, 4096)];

    #[test]
    fn the_smaller_of_descriptors_and_memory_counts_and_the_bound_stays() {
        let mebibytes = |mebibytes: u64| Some(mebibytes << 20);
        for (descriptors, memory, mounts, expected) in [
            (64, None, 4, [11, 11, 2]),
            (256, None, 4, [53, 53, 13]),
            (1024, None, 4, [278, 278, 70]),
            (1024, None, 100, [210, 210, 53]),
            (4096, None, 4, [1560, 1560, 390]),
            (20_000, None, 4, [4096, 4096, 2055]),
            (1 << 20, None, 4, [4096, 4096, 4096]),
            (1 << 20, None, 1000, [4096, 4096, 4096]),
            (u64::MAX, None, 4, [4096, 4096, 4096]),
            (u64::MAX, mebibytes(768), 4, [1707, 1707, 427]),
            (u64::MAX, mebibytes(64), 4, [139, 139, 35]),
            (256, mebibytes(768), 4, [53, 53, 13]),
        ] {
            let resources = Resources { descriptors, memory };
            let reserve = reserve(usize::try_from(descriptors).unwrap(), needed(mounts, 64));
            assert_eq!(
                divide(resources, reserve, &DOORS),
                expected,
                "{descriptors} descriptors, {memory:?} bytes, {mounts} mounts"
            );
        }
    }

    #[test]
    fn all_listeners_with_their_surplus_and_the_reserve_fit_into_the_limit() {
        for descriptors in 16..6000_usize {
            for (mounts, connections) in [(0, 64), (4, 64), (50, 64), (4, 1), (1, 100_000)] {
                let reserve = reserve(descriptors, needed(mounts, connections));
                assert!(reserve >= descriptors / 2 || reserve >= mounts * connections + 96);
                let resources = Resources { descriptors: descriptors as u64, memory: None };
                for listeners in [&DOORS[..], &DOORS[..1], &[(4, 4096), (4, 4096), (1, 4096), (1, 4096)]] {
                    let all: usize = divide(resources, reserve, listeners)
                        .iter()
                        .map(|places| places + surplus(*places))
                        .sum();
                    // Below this a listener has one place and one to spare all the same.
                    assert!(all + reserve <= descriptors || descriptors < 64, "{descriptors} {mounts}");
                }
            }
        }
    }

    #[test]
    fn a_listener_has_a_place_whatever_the_limit() {
        for descriptors in 0..64 {
            assert!(places(descriptors, 4096) >= 1);
        }
        assert_eq!(places(9999, 1), 1);
        assert_eq!(CONNECTION_BYTES * MEMORY_PART, 192 << 10, "a place for each 192 KiB, as documented");
    }
}
