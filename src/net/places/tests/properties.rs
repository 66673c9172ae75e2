//! What holds of places whatever happens to a listener.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::Doing::{Handshake, Idle, Running, Silent, Stalled};
use super::super::{Admission, Doing, Number, Places, Standing};
use super::{NOW, One, network, one};

/// What happens to a listener: somebody comes, a connection changes, a connection closes.
#[derive(Debug, Clone)]
enum Event {
    Comes(u8),
    Does(prop::sample::Index, Doing),
    Closes(prop::sample::Index),
}

fn doing() -> impl Strategy<Value = Doing> {
    prop::sample::select(vec![Handshake, Silent, Idle, Stalled, Running])
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..12_u8).prop_map(Event::Comes),
        3 => (any::<prop::sample::Index>(), doing()).prop_map(|(one, doing)| Event::Does(one, doing)),
        1 => any::<prop::sample::Index>().prop_map(Event::Closes),
    ]
}

proptest! {
    #[test]
    fn shares_hold_whatever_happens(
        capacity in 1..24_usize,
        needs_certificate: bool,
        events in prop::collection::vec(event(), 0..200),
    ) {
        let mut places = Places::new(capacity, needs_certificate);
        // The model: who holds a place.
        let mut open: BTreeMap<Number, (u8, One)> = BTreeMap::new();
        for (time, event) in events.into_iter().enumerate() {
            let time = time as u64;
            match event {
                Event::Does(one, doing) if !open.is_empty() => {
                    let (_, (_, one)) = open.iter().nth(one.index(open.len())).unwrap();
                    one.standing.set(Standing { doing, since: Duration::from_secs(time) });
                }
                Event::Closes(one) if !open.is_empty() => {
                    let number = *open.keys().nth(one.index(open.len())).unwrap();
                    let (holder, _) = open.remove(&number).unwrap();
                    places.close(network(holder), number);
                }
                Event::Comes(who) => {
                    let mut held: BTreeMap<u8, usize> = BTreeMap::new();
                    for (holder, _) in open.values() {
                        *held.entry(*holder).or_default() += 1;
                    }
                    let networks = held.len() + usize::from(!held.contains_key(&who));
                    let share = (capacity / networks).max(1);
                    let own = held.get(&who).copied().unwrap_or(0);
                    let runs = |one: &One| one.standing.get().doing == Running;
                    let arrived = one(&format!("{time}"), Silent, time);
                    match places.admit(network(who), arrived.clone(), NOW) {
                        Admission::Free(number) => {
                            prop_assert!(open.len() < capacity);
                            open.insert(number, (who, arrived));
                        }
                        Admission::Displacing(number, victim) => {
                            prop_assert_eq!(open.len(), capacity);
                            let gone = *open.iter().find(|(_, (_, one))| *one == victim).unwrap().0;
                            let (loser, _) = open.remove(&gone).unwrap();
                            if own >= share {
                                prop_assert_eq!(loser, who, "taken from others above the share");
                            } else if held[&loser] <= share {
                                let unfinished = victim.standing.get().doing == Handshake;
                                prop_assert!(needs_certificate && unfinished || networks > capacity);
                            }
                            // A running request ends only above the share, and only where nothing else does.
                            if runs(&victim) {
                                prop_assert!(held[&loser] > share && loser != who);
                                let above = |holder: &u8| held[holder] > share;
                                prop_assert!(open.values().all(|(holder, one)| !above(holder) || runs(one)));
                            }
                            open.insert(number, (who, arrived));
                            places.close(network(loser), gone);
                        }
                        Admission::Refused => {
                            prop_assert_eq!(open.len(), capacity);
                            // Whoever is below the share is refused by running requests alone.
                            let candidates = |holder: u8| own < share || holder == who;
                            prop_assert!(own >= share || networks > capacity);
                            prop_assert!(open.values().all(|(holder, one)| !candidates(*holder) || runs(one)));
                        }
                    }
                }
                _ => {}
            }
            prop_assert_eq!(places.open(), open.len());
            prop_assert!(open.len() <= capacity);
            prop_assert_eq!(places.all().count(), open.len());
            let networks: BTreeSet<_> = open.values().map(|(holder, _)| holder).collect();
            prop_assert_eq!(places.networks(), networks.len(), "an entry for each holder and no other");
        }
    }

    #[test]
    fn under_a_flood_from_all_sides_each_network_keeps_its_share(
        capacity in 8..64_usize,
        flooders in 1..6_u8,
        order in prop::collection::vec(0..6_u8, 300..600),
    ) {
        let mut places = Places::new(capacity, false);
        let mut held: BTreeMap<u8, i64> = BTreeMap::new();
        let mut wanted: BTreeMap<u8, i64> = BTreeMap::new();
        for (time, who) in order.into_iter().enumerate() {
            let who = who % (flooders + 1);
            *wanted.entry(who).or_default() += 1;
            let doing = if who == 0 { Running } else { Silent };
            let arrived = one(&who.to_string(), doing, time as u64);
            match places.admit(network(who), arrived, NOW) {
                Admission::Free(_) => *held.entry(who).or_default() += 1,
                Admission::Displacing(_, victim) => {
                    *held.entry(who).or_default() += 1;
                    *held.entry(victim.name.parse().unwrap()).or_default() -= 1;
                }
                Admission::Refused => {}
            }
        }
        let share = i64::try_from(capacity / held.len()).unwrap();
        for (who, held) in held {
            prop_assert!(held >= share.min(wanted[&who]), "{} holds {} of {}", who, held, capacity);
        }
    }
}
