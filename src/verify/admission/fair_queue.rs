//! Who of those that wait is next: pure bookkeeping over numbers, without time and without waiting.
//!
//! Turns are taken between the doors, then between the two classes, then between the flows of a class. Each level is
//! work-conserving: what one flow does not use, the others get.

use super::flow::{Flow, Share};
use super::ring::{Fifo, Ring, Turns as _};
use crate::ports::Door;

/// How many turns the proven class has for one of the unproven class while both wait.
const PROVEN_TURNS: usize = 7;

/// The waiters of one mount by door, class and flow.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    doors: [DoorQueue; Door::ALL.len()],
    // Whose turn it is, if it has a waiter.
    next: usize,
}

/// The waiters of one door.
#[derive(Debug, Default)]
struct DoorQueue {
    // By service account.
    proven: Ring<Fifo>,
    // By client address, then by connection.
    unproven: Ring<Ring<Fifo>>,
    // Turns of the proven class since the last one of the unproven class, while both waited.
    proven_turns: usize,
}

impl FairQueue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.doors.iter().map(DoorQueue::len).sum()
    }

    /// Adds a waiter as the last one of its flow.
    pub(super) fn push(&mut self, flow: Flow, waiter: u64) {
        if let Some(door) = self.doors.get_mut(flow.door as usize) {
            match flow.share {
                Share::Proven { account } => door.proven.push((account, ()), waiter),
                Share::Unproven { address, connection } => {
                    door.unproven.push((address, (connection, ())), waiter);
                }
            }
        }
    }

    /// Takes the waiter whose turn it is.
    pub(super) fn pop(&mut self) -> Option<u64> {
        let doors = self.doors.len();
        for step in 0..doors {
            let at = self.next.saturating_add(step) % doors;
            if let Some(waiter) = self.doors.get_mut(at).and_then(DoorQueue::pop) {
                self.next = at.saturating_add(1) % doors;
                return Some(waiter);
            }
        }
        None
    }

    /// Takes a waiter out, wherever in its flow it is.
    pub(super) fn remove(&mut self, flow: Flow, waiter: u64) -> bool {
        let Some(door) = self.doors.get_mut(flow.door as usize) else { return false };
        match flow.share {
            Share::Proven { account } => door.proven.remove((account, ()), waiter),
            Share::Unproven { address, connection } => {
                door.unproven.remove((address, (connection, ())), waiter)
            }
        }
    }

    /// How many of those who wait now have their turn before a newcomer of this flow.
    pub(super) fn ahead_of(&self, flow: Flow) -> usize {
        let Some(own) = self.doors.get(flow.door as usize) else { return 0 };
        let ahead = own.ahead_of(flow.share);
        let others = self.doors.iter().enumerate().filter(|(door, _)| *door != flow.door as usize);
        let of_others = others.map(|(_, door)| door.len().min(ahead.saturating_add(1)));
        of_others.fold(ahead, usize::saturating_add)
    }

    /// Takes out the waiter that gives its place to a newcomer of this flow: the newest one of the flow that holds the most
    /// places. None where the newcomer's own flow holds as many.
    pub(super) fn displace_for(&mut self, flow: Flow) -> Option<u64> {
        let own = self.doors.get(flow.door as usize).map_or(0, DoorQueue::len);
        let longest = self.doors.iter_mut().max_by_key(|door| door.len())?;
        if longest.len() > own.saturating_add(1) {
            return longest.take_newest();
        }
        self.doors.get_mut(flow.door as usize)?.displace_for(flow.share)
    }
}

impl DoorQueue {
    fn len(&self) -> usize {
        self.proven.len().saturating_add(self.unproven.len())
    }

    fn pop(&mut self) -> Option<u64> {
        let both = self.proven.len() > 0 && self.unproven.len() > 0;
        if both && self.proven_turns >= PROVEN_TURNS {
            self.proven_turns = 0;
            return self.unproven.pop();
        }
        if both {
            self.proven_turns = self.proven_turns.saturating_add(1);
        }
        self.proven.pop().or_else(|| self.unproven.pop())
    }

    fn ahead_of(&self, share: Share) -> usize {
        match share {
            Share::Proven { account } => {
                let ahead = self.proven.ahead_of((account, ()));
                let turns = self.proven_turns.saturating_add(ahead) / PROVEN_TURNS;
                ahead.saturating_add(turns.min(self.unproven.len()))
            }
            Share::Unproven { address, connection } => {
                let ahead = self.unproven.ahead_of((address, (connection, ())));
                let turns = ahead.saturating_add(1).saturating_mul(PROVEN_TURNS);
                ahead.saturating_add(turns.min(self.proven.len()))
            }
        }
    }

    /// Whether the unproven class holds more than the part of the places that is kept for it.
    fn is_unproven_over(&self) -> bool {
        self.unproven.len() > self.len() / (PROVEN_TURNS + 1)
    }

    fn take_newest(&mut self) -> Option<u64> {
        let unproven = self.is_unproven_over();
        let newest = if unproven { self.unproven.take_newest() } else { self.proven.take_newest() };
        newest.or_else(|| self.unproven.take_newest())
    }

    fn displace_for(&mut self, share: Share) -> Option<u64> {
        let over = self.is_unproven_over();
        match share {
            Share::Proven { .. } if over => self.unproven.take_newest(),
            Share::Proven { account } => self.proven.displace_for((account, ())),
            // The newcomer would be one more of its class.
            Share::Unproven { .. } if self.unproven.len() < self.len() / (PROVEN_TURNS + 1) => {
                self.proven.take_newest()
            }
            Share::Unproven { address, connection } => {
                self.unproven.displace_for((address, (connection, ())))
            }
        }
    }
}

#[cfg(test)]
mod tests;
