//! Whose share of an API server a question takes.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use crate::ports::{Door, Origin};

/// A door and a share of it. Keys are hashes under a random key of the process, which a stranger cannot aim at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) struct Flow {
    pub(super) door: Door,
    pub(super) share: Share,
}

/// The class of a question, and what its share is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// The token's signature was proven here, or the API server has confirmed this very token before.
    Proven { account: u64 },
    /// Nothing is known of the token, whatever it says of itself.
    Unproven { address: u64, connection: u64 },
}

/// Makes flows of one verifier.
#[derive(Debug, Default)]
pub(in crate::verify) struct Flows(RandomState);

impl Flows {
    /// The flow of a service account, which its signature or an earlier review proves.
    pub(in crate::verify) fn proven(&self, door: Door, account: u64) -> Flow {
        Flow { door, share: Share::Proven { account } }
    }

    /// The flow of a connection of a client.
    pub(in crate::verify) fn unproven(&self, origin: &Origin) -> Flow {
        let address = self.0.hash_one(origin.client.map(network));
        Flow {
            door: origin.door,
            share: Share::Unproven { address, connection: self.0.hash_one(origin.connection) },
        }
    }

    /// What a service account's share is counted by.
    pub(in crate::verify) fn account(&self, namespace: &str, name: &str) -> u64 {
        self.0.hash_one((namespace, name))
    }
}

impl Flow {
    /// Whether the class is a better one than that of another flow.
    pub(in crate::verify) const fn is_better_than(self, other: Self) -> bool {
        matches!((self.share, other.share), (Share::Proven { .. }, Share::Unproven { .. }))
    }
}

/// The address, or its network where one subscriber has many: IPv6 by /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{Flows, Share};
    use crate::ports::{Door, Origin};

    fn address_key(flows: &Flows, client: &str) -> u64 {
        let origin = Origin { door: Door::Envoy, client: client.parse().ok(), connection: None };
        match flows.unproven(&origin).share {
            Share::Unproven { address, .. } => address,
            Share::Proven { .. } => panic!("nothing proves it"),
        }
    }

    #[test]
    fn ipv6_counts_by_its_64_bit_network_and_mapped_ipv4_as_ipv4() {
        let flows = Flows::default();
        let same = |one, other| address_key(&flows, one) == address_key(&flows, other);
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
        assert!(!same("10.0.0.1", ""), "no address is a key of its own");
    }

    #[test]
    fn two_processes_do_not_share_their_keys() {
        let (one, other) = (Flows::default(), Flows::default());
        assert_ne!(address_key(&one, "10.0.0.1"), address_key(&other, "10.0.0.1"));
        assert_ne!(one.account("shop", "orders"), one.account("shopo", "rders"));
    }
}
