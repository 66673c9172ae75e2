//! The places of a listener: who holds one, and whose connection ends when all are taken. Pure bookkeeping.
//!
//! A *network* is what shares are counted by: one IPv4 address, or one IPv6 /64, which is what a single host is usually
//! given. The *share* of a network is the number of places divided by the number of networks that hold or want one, and
//! at least one place. With a free place everybody is taken, so that one network alone may hold all of them.
//! Without one, a newcomer takes the place of another connection:
//!
//! 1. A newcomer whose network holds its share already takes the place of a connection of its own network.
//! 2. Where clients need a certificate, a connection that has not shown one yet is the next to go, whoever holds it: of the
//!    network with the most of these, the oldest.
//! 3. Then one of a network above its share, and there is one unless more networks than places want one:
//!    first what never sent a request, then what is idle, then what is stalled, then what runs; of equals that of the
//!    network that holds most, then the longest in its state.
//! 4. Where no network is above its share: the first in the same order, but for connections that run a request.
//!
//! A connection with a running request ends for nobody but by the third rule; a newcomer that finds no place is refused.
//! The table has an entry for each place and no more, and its hash is keyed at random.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// What places are shared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Network {
    /// One address.
    V4([u8; 4]),
    /// The first 64 bits of an address.
    V6(u64),
}

impl From<IpAddr> for Network {
    /// An IPv4 address inside an IPv6 one (`::ffff:0:0/96`), as a listener on `[::]` shows it, is the IPv4 address.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d].into_iter().fold(0, |bits, part| (bits << 16) | u64::from(part)))
            }
        }
    }
}

/// What a connection does. The order is the one in which connections give way to newcomers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// Its TLS handshake is not finished.
    Handshake,
    /// It has not sent a whole request head yet.
    Silent,
    /// It has sent requests, and none runs.
    Idle,
    /// A request runs, and for a long time none began and none ended.
    Stalled,
    /// A request runs.
    Running,
}

/// What a connection does, and since when on the listener's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) doing: Doing,
    pub(super) since: Duration,
}

impl Standing {
    const fn never_spoke(self) -> bool {
        matches!(self.doing, Doing::Handshake | Doing::Silent)
    }
}

/// A connection as the table sees it.
pub(super) trait Occupant: Clone {
    /// What it does at this moment of the listener's clock.
    fn standing(&self, now: Duration) -> Standing;
}

/// A connection's number at its listener, by the order of arrival.
pub(super) type Number = u64;

/// What became of a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission<C> {
    /// There was a free place.
    Free(Number),
    /// It has the place of this connection, which must end now.
    Displacing(Number, C),
    /// It has none.
    Refused,
}

/// The table.
#[derive(Debug)]
pub(super) struct Places<C> {
    capacity: usize,
    needs_certificate: bool,
    networks: HashMap<Network, BTreeMap<Number, C>>,
    open: usize,
    /// Those who lost their place and have not closed yet.
    leaving: BTreeMap<Number, C>,
    next: Number,
}

impl<C: Occupant> Places<C> {
    /// So many places; `needs_certificate`: clients must show one in the TLS handshake.
    pub(super) fn new(capacity: usize, needs_certificate: bool) -> Self {
        let (networks, leaving) = (HashMap::new(), BTreeMap::new());
        Self { capacity, needs_certificate, networks, open: 0, leaving, next: 0 }
    }

    /// Connections that hold a place.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// Connections of both kinds: with a place, and still closing.
    pub(super) fn connections(&self) -> usize {
        self.open + self.leaving.len()
    }

    /// Networks that hold a place.
    pub(super) fn networks(&self) -> usize {
        self.networks.len()
    }

    /// How many places there are.
    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Changes the number of places; see [`Places::trim`].
    pub(super) const fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    /// Whether one more connection may be accepted, whatever becomes of it.
    pub(super) fn has_descriptor(&self) -> bool {
        self.connections() < self.capacity.saturating_add(surplus(self.capacity))
    }

    /// Gives a newcomer its place.
    pub(super) fn admit(&mut self, network: Network, newcomer: C, now: Duration) -> Admission<C> {
        if self.open < self.capacity {
            return Admission::Free(self.insert(network, newcomer));
        }
        let Some((from, number)) = self.victim(network, now) else { return Admission::Refused };
        let Some(victim) = self.take(from, number) else { return Admission::Refused };
        self.leaving.insert(number, victim.clone());
        Admission::Displacing(self.insert(network, newcomer), victim)
    }

    /// A connection has closed.
    pub(super) fn close(&mut self, network: Network, number: Number) {
        if self.leaving.remove(&number).is_none() {
            self.take(network, number);
        }
    }

    /// Those who lose their place because there are fewer than before.
    pub(super) fn trim(&mut self, now: Duration) -> Vec<C> {
        let mut trimmed = Vec::new();
        while self.open > self.capacity
            && let Some((from, number)) = self.above_share(self.share(self.networks.len()), now)
            && let Some(victim) = self.take(from, number)
        {
            self.leaving.insert(number, victim.clone());
            trimmed.push(victim);
        }
        trimmed
    }

    /// Who of those that are leaving is waited for no longer, where descriptors are needed: one without a running
    /// request, if there is one, and the oldest.
    pub(super) fn first_to_cut(&self, now: Duration) -> Option<&C> {
        self.leaving.values().min_by_key(|one| one.standing(now).doing == Doing::Running)
    }

    /// Connections with a place, and whether their network holds more than half of its share.
    pub(super) fn holders(&self) -> impl Iterator<Item = (&C, bool)> {
        let half = self.share(self.networks.len()) / 2;
        let networks = self.networks.values();
        networks.flat_map(move |held| held.values().map(move |one| (one, held.len() > half)))
    }

    /// Every connection, those that are leaving included.
    pub(super) fn all(&self) -> impl Iterator<Item = &C> {
        self.networks.values().flat_map(BTreeMap::values).chain(self.leaving.values())
    }

    fn share(&self, networks: usize) -> usize {
        (self.capacity / networks.max(1)).max(1)
    }

    fn victim(&self, newcomer: Network, now: Duration) -> Option<(Network, Number)> {
        let own = self.networks.get(&newcomer);
        let held = own.map_or(0, BTreeMap::len);
        let share = self.share(self.networks.len() + usize::from(held == 0));
        if held >= share {
            let (standing, number) = own.and_then(|own| first_to_go(own, now))?;
            return (standing.doing < Doing::Running).then_some((newcomer, number));
        }
        let without_certificate =
            || if self.needs_certificate { self.without_certificate(now) } else { None };
        without_certificate().or_else(|| self.above_share(share, now)).or_else(|| self.anyone(now))
    }

    /// The oldest unfinished handshake of the network with the most of them.
    fn without_certificate(&self, now: Duration) -> Option<(Network, Number)> {
        let unfinished = self.networks.iter().filter_map(|(network, connections)| {
            let mut found = connections.iter().filter_map(|(number, one)| {
                let standing = one.standing(now);
                (standing.doing == Doing::Handshake).then_some((standing.since, *number))
            });
            let first = found.next()?;
            let (count, oldest) =
                found.fold((1_usize, first), |(count, oldest), one| (count + 1, oldest.min(one)));
            Some((Reverse(count), oldest, *network))
        });
        unfinished.min().map(|(_, (_, number), network)| (network, number))
    }

    fn above_share(&self, share: usize, now: Duration) -> Option<(Network, Number)> {
        let above = self.networks.iter().filter(|(_, connections)| connections.len() > share);
        let firsts = above.filter_map(|(network, connections)| {
            let (standing, number) = first_to_go(connections, now)?;
            // Who shows no certificate where none is needed is as silent as who says nothing.
            let doing = standing.doing.max(Doing::Silent);
            Some(((doing, Reverse(connections.len()), standing.since, number), *network))
        });
        firsts.min().map(|((.., number), network)| (network, number))
    }

    /// Where nobody is above a share: the first to go, but no running request.
    fn anyone(&self, now: Duration) -> Option<(Network, Number)> {
        let firsts = self.networks.iter().filter_map(|(network, connections)| {
            let (standing, number) = first_to_go(connections, now)?;
            Some((standing, number, *network))
        });
        let (standing, number, network) = firsts.min()?;
        (standing.doing < Doing::Running).then_some((network, number))
    }

    fn insert(&mut self, network: Network, one: C) -> Number {
        let number = self.next;
        self.next += 1;
        self.networks.entry(network).or_default().insert(number, one);
        self.open += 1;
        number
    }

    fn take(&mut self, network: Network, number: Number) -> Option<C> {
        let connections = self.networks.get_mut(&network)?;
        let taken = connections.remove(&number)?;
        self.open -= 1;
        if connections.is_empty() {
            self.networks.remove(&network);
        }
        Some(taken)
    }
}

/// How many connections of a listener with so many places may have lost their place and not have closed yet.
pub(super) fn surplus(capacity: usize) -> usize {
    (capacity / 16).clamp(1, 128)
}

/// The first of a network's connections to go: the oldest of those that never sent a request (a flood of these is
/// answered after one look), else by what they do and since when.
fn first_to_go<C: Occupant>(connections: &BTreeMap<Number, C>, now: Duration) -> Option<(Standing, Number)> {
    let mut first: Option<(Standing, Number)> = None;
    for (number, one) in connections {
        let found = (one.standing(now), *number);
        if found.0.never_spoke() {
            return Some(found);
        }
        first = Some(first.map_or(found, |first| first.min(found)));
    }
    first
}

#[cfg(test)]
mod tests;
