//! Tests of who is next, who gives way, and how long the way is.

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::super::flow::{Flow, Share};
use super::FairQueue;
use crate::ports::Door;

fn proven(door: Door, account: u64) -> Flow {
    Flow { door, share: Share::Proven { account } }
}

fn unproven(door: Door, address: u64, connection: u64) -> Flow {
    Flow { door, share: Share::Unproven { address, connection } }
}

/// A queue with these waiters, numbered from 0 in this order.
fn queue(flows: &[Flow]) -> FairQueue {
    let mut queue = FairQueue::default();
    (0..).zip(flows).for_each(|(waiter, flow)| queue.push(*flow, waiter));
    queue
}

/// Everybody, in the order of the turns.
fn drained(mut queue: FairQueue) -> Vec<u64> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn doors_take_turns_and_neither_waits_for_the_flood_of_the_other() {
    let mut flows = vec![unproven(Door::Vault, 1, 1); 5];
    flows.extend([proven(Door::Envoy, 1), unproven(Door::Envoy, 2, 2), unproven(Door::Plugin, 3, 3)]);
    let order = drained(queue(&flows));
    assert_eq!(order, [5, 0, 7, 6, 1, 2, 3, 4]);
}

#[test]
fn proven_tokens_come_first_and_the_others_get_every_eighth_turn() {
    let mut flows = vec![proven(Door::Envoy, 1); 20];
    flows.extend([unproven(Door::Envoy, 1, 1); 3]);
    let order = drained(queue(&flows));
    let turns: Vec<usize> =
        (20..23).filter_map(|waiter| order.iter().position(|other| *other == waiter)).collect();
    assert_eq!(turns, [7, 15, 22]);
}

#[test]
fn accounts_take_turns_then_addresses_then_connections() {
    let accounts = [proven(Door::Envoy, 1), proven(Door::Envoy, 1), proven(Door::Envoy, 2)];
    assert_eq!(drained(queue(&accounts)), [0, 2, 1]);
    // Four of one address on two connections, one of another address.
    let of = |address, connection| unproven(Door::Envoy, address, connection);
    let addresses = [of(1, 1), of(1, 1), of(1, 2), of(1, 1), of(2, 9)];
    assert_eq!(drained(queue(&addresses)), [0, 4, 2, 1, 3]);
}

#[test]
fn who_floods_gives_way_to_who_does_not() {
    let honest = unproven(Door::Envoy, 2, 2);
    // The newest of the longest connection of the longest address goes.
    let flood: Vec<Flow> =
        (0..9).map(|number| unproven(Door::Envoy, 1, if number < 5 { 1 } else { 2 })).collect();
    assert_eq!(queue(&flood).displace_for(honest), Some(4));
    assert_eq!(
        queue(&flood).displace_for(unproven(Door::Envoy, 1, 3)),
        Some(4),
        "a new connection of the address"
    );
    assert_eq!(queue(&flood).displace_for(unproven(Door::Envoy, 1, 1)), None, "its own flow is the longest");
    assert_eq!(queue(&flood).displace_for(unproven(Door::Envoy, 1, 2)), None, "it would hold as many");
    assert_eq!(queue(&flood).displace_for(proven(Door::Envoy, 1)), Some(4));
    assert_eq!(queue(&flood).displace_for(unproven(Door::Vault, 1, 1)), Some(4), "another door");

    let tokens = vec![proven(Door::Envoy, 1); 16];
    assert_eq!(queue(&tokens).displace_for(proven(Door::Envoy, 2)), Some(15));
    assert_eq!(queue(&tokens).displace_for(proven(Door::Envoy, 1)), None);
    assert_eq!(queue(&tokens).displace_for(honest), Some(15), "a part is kept for the unproven");
    let both: Vec<Flow> = tokens.into_iter().chain([honest, unproven(Door::Envoy, 4, 4)]).collect();
    assert_eq!(queue(&both).displace_for(unproven(Door::Envoy, 3, 3)), None, "and no more than this part");
    assert_eq!(queue(&both).displace_for(proven(Door::Envoy, 1)), None, "which the proven do not take");
}

fn flow() -> impl Strategy<Value = Flow> {
    let door = prop::sample::select(Door::ALL.to_vec());
    (door, any::<bool>(), 0..3_u64, 0..3_u64).prop_map(|(door, is_proven, one, two)| match is_proven {
        true => proven(door, one),
        false => unproven(door, one, two),
    })
}

proptest! {
    #[test]
    fn everybody_is_served_once_or_was_taken_out(
        flows in prop::collection::vec(flow(), 0..60),
        out in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut queue = queue(&flows);
        let mut left: Vec<u64> = (0..).zip(&flows).map(|(waiter, _)| waiter).collect();
        for index in out {
            if left.is_empty() { break; }
            let waiter = left.remove(index.index(left.len()));
            let flow = flows[usize::try_from(waiter).unwrap()];
            prop_assert!(queue.remove(flow, waiter));
            prop_assert!(!queue.remove(flow, waiter));
        }
        prop_assert_eq!(queue.len(), left.len());
        let mut served = drained(queue);
        served.sort_unstable();
        prop_assert_eq!(served, left);
    }

    #[test]
    fn the_way_ahead_is_what_is_served_before_a_newcomer_but_for_a_round(
        flows in prop::collection::vec(flow(), 0..60),
        newcomer in flow(),
        served in 0..20_usize,
    ) {
        let mut queue = queue(&flows);
        for _ in 0..served { queue.pop(); }
        let expected = queue.ahead_of(newcomer);
        queue.push(newcomer, 1000);
        let order = drained(queue);
        let ahead = order.iter().position(|waiter| *waiter == 1000).unwrap();
        // Whose turn it is within a round is not looked at: at each level one more or less, which the levels above multiply.
        prop_assert!(ahead <= expected + 30 && expected <= ahead + 30, "{expected} {ahead}");
    }

    #[test]
    fn whoever_gives_way_was_there_and_the_queue_is_one_shorter(
        flows in prop::collection::vec(flow(), 0..60),
        newcomer in flow(),
    ) {
        let mut queue = queue(&flows);
        let displaced = queue.displace_for(newcomer);
        prop_assert_eq!(queue.len(), flows.len() - usize::from(displaced.is_some()));
        prop_assert!(displaced.is_none_or(|waiter| usize::try_from(waiter).unwrap() < flows.len()));
        prop_assert!(displaced.is_none_or(|waiter| !drained(queue).contains(&waiter)));
    }
}
