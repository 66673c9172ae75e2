//! Flows that take turns, to any depth.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;

/// Waiters that have an order of turns. `Path` says to which flow a waiter belongs.
pub(super) trait Turns: Debug + Default {
    type Path: Copy;

    /// How many wait.
    fn len(&self) -> usize;

    /// Adds a waiter as the last one of its flow.
    fn push(&mut self, path: Self::Path, waiter: u64);

    /// Takes the waiter whose turn it is.
    fn pop(&mut self) -> Option<u64>;

    /// Takes a waiter out; whether it was there.
    fn remove(&mut self, path: Self::Path, waiter: u64) -> bool;

    /// How many have their turn before a newcomer of this flow.
    fn ahead_of(&self, path: Self::Path) -> usize;

    /// Takes the newest waiter of the longest flow.
    fn take_newest(&mut self) -> Option<u64>;

    /// Takes the newest waiter of the longest flow if a newcomer's own flow holds fewer, the newcomer included.
    fn displace_for(&mut self, path: Self::Path) -> Option<u64>;
}

/// One flow: the first to come is the first to go.
#[derive(Debug, Default)]
pub(super) struct Fifo(VecDeque<u64>);

impl Turns for Fifo {
    type Path = ();

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, (): (), waiter: u64) {
        self.0.push_back(waiter);
    }

    fn pop(&mut self) -> Option<u64> {
        self.0.pop_front()
    }

    fn remove(&mut self, (): (), waiter: u64) -> bool {
        let at = self.0.iter().position(|other| *other == waiter);
        at.and_then(|at| self.0.remove(at)).is_some()
    }

    fn ahead_of(&self, (): ()) -> usize {
        self.0.len()
    }

    fn take_newest(&mut self) -> Option<u64> {
        self.0.pop_back()
    }

    fn displace_for(&mut self, (): ()) -> Option<u64> {
        None
    }
}

/// Flows by key, one turn each. A flow without a waiter is not kept, so that there are never more flows than waiters.
#[derive(Debug, Default)]
pub(super) struct Ring<Q> {
    flows: HashMap<u64, Q>,
    // Every key of `flows` once, in the order of their turns.
    order: VecDeque<u64>,
    len: usize,
}

impl<Q: Turns> Ring<Q> {
    /// Forgets a flow without a waiter, and counts one waiter less.
    fn took(&mut self, key: u64) {
        self.len = self.len.saturating_sub(1);
        if self.flows.get(&key).is_some_and(|flow| flow.len() == 0) {
            self.flows.remove(&key);
            self.order.retain(|other| *other != key);
        }
    }

    /// The longest flow; of several the one named, if it is among them.
    fn longest(&self, rather: Option<u64>) -> Option<(u64, usize)> {
        let flows = self.flows.iter().map(|(key, flow)| (*key, flow.len()));
        flows.max_by_key(|(key, len)| (*len, Some(*key) == rather))
    }
}

impl<Q: Turns> Turns for Ring<Q> {
    type Path = (u64, Q::Path);

    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, (key, below): Self::Path, waiter: u64) {
        let order = &mut self.order;
        let flow = self.flows.entry(key).or_insert_with(|| {
            order.push_back(key);
            Q::default()
        });
        flow.push(below, waiter);
        self.len = self.len.saturating_add(1);
    }

    fn pop(&mut self) -> Option<u64> {
        let key = self.order.pop_front()?;
        let flow = self.flows.get_mut(&key)?;
        let waiter = flow.pop();
        if flow.len() == 0 {
            self.flows.remove(&key);
        } else {
            self.order.push_back(key);
        }
        self.len = self.len.saturating_sub(usize::from(waiter.is_some()));
        waiter
    }

    fn remove(&mut self, (key, below): Self::Path, waiter: u64) -> bool {
        let removed = self.flows.get_mut(&key).is_some_and(|flow| flow.remove(below, waiter));
        if removed {
            self.took(key);
        }
        removed
    }

    fn ahead_of(&self, (key, below): Self::Path) -> usize {
        let ahead = self.flows.get(&key).map_or(0, |flow| flow.ahead_of(below));
        let others = self.flows.iter().filter(|(other, _)| **other != key);
        let of_others = others.map(|(_, flow)| flow.len().min(ahead.saturating_add(1)));
        of_others.fold(ahead, usize::saturating_add)
    }

    fn take_newest(&mut self) -> Option<u64> {
        let (key, _) = self.longest(None)?;
        let waiter = self.flows.get_mut(&key)?.take_newest()?;
        self.took(key);
        Some(waiter)
    }

    fn displace_for(&mut self, (key, below): Self::Path) -> Option<u64> {
        let (longest, len) = self.longest(Some(key))?;
        let waiter = if longest == key {
            self.flows.get_mut(&key)?.displace_for(below)?
        } else {
            let own = self.flows.get(&key).map_or(0, Q::len);
            if len <= own.saturating_add(1) {
                return None;
            }
            self.flows.get_mut(&longest)?.take_newest()?
        };
        self.took(longest);
        Some(waiter)
    }
}
