//! Service accounts whose deletion was heard, the newest of them.

use std::collections::{HashSet, VecDeque};

/// The most that are kept; the ones that went longest ago are forgotten first.
const MOST: usize = 1 << 16;

/// Hashes of their uids.
#[derive(Debug, Default)]
pub(super) struct Gone {
    known: HashSet<u64>,
    // In the order in which they went; some may be back.
    order: VecDeque<u64>,
}

impl Gone {
    pub(super) fn add(&mut self, trace: u64) {
        if !self.known.insert(trace) {
            return;
        }
        self.order.push_back(trace);
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// One is there again, as after a backup of the cluster was restored.
    pub(super) fn back(&mut self, trace: u64) {
        if self.known.remove(&trace) {
            self.order.retain(|gone| *gone != trace);
        }
    }

    pub(super) fn has(&self, trace: u64) -> bool {
        self.known.contains(&trace)
    }
}
