//! Who has a place, who goes, and who never does: by table; `properties` holds it against a slow model.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::Doing::{Handshake, Idle, Running, Silent, Stalled};
use super::{Admission, Doing, Network, Occupant, Places, Standing, surplus};

mod properties;

const NOW: Duration = Duration::from_secs(1000);

/// A connection of a test: a name, and what it does.
#[derive(Debug, Clone)]
struct One {
    name: String,
    standing: Rc<Cell<Standing>>,
}

impl PartialEq for One {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Occupant for One {
    fn standing(&self, _: Duration) -> Standing {
        self.standing.get()
    }
}

fn one(name: &str, doing: Doing, since: u64) -> One {
    let since = Duration::from_secs(since);
    One { name: name.to_owned(), standing: Rc::new(Cell::new(Standing { doing, since })) }
}

fn network(number: u8) -> Network {
    Network::V4([10, 0, 0, number])
}

/// A full listener with these connections: network, what it does, since when. Each is called `network.index`.
fn full(held: &[(u8, Doing, u64)]) -> Places<One> {
    let mut places = Places::new(held.len(), false);
    for (index, (holder, doing, since)) in held.iter().enumerate() {
        let name = format!("{holder}.{index}");
        let admission = places.admit(network(*holder), one(&name, *doing, *since), NOW);
        assert!(matches!(admission, Admission::Free(_)));
    }
    places
}

/// Whose place a newcomer of this network takes; `refused` where it has none.
fn displaced(places: &mut Places<One>, newcomer: u8) -> String {
    match places.admit(network(newcomer), one("new", Silent, 1000), NOW) {
        Admission::Displacing(_, victim) => victim.name,
        Admission::Refused => "refused".to_owned(),
        Admission::Free(_) => "free".to_owned(),
    }
}

#[test]
fn a_newcomer_takes_the_place_of_the_first_to_go() {
    for (held, newcomer, expected) in [
        // What never spoke goes before what idles, stalls, runs.
        (vec![(1, Running, 1), (1, Idle, 1), (1, Silent, 9), (1, Stalled, 1)], 2, "1.2"),
        (vec![(1, Running, 1), (1, Idle, 1), (1, Stalled, 1)], 2, "1.1"),
        (vec![(1, Running, 1), (1, Running, 0), (1, Stalled, 9)], 2, "1.2"),
        // Of equals the longest; of those that never spoke the one that came first.
        (vec![(1, Idle, 5), (1, Idle, 3), (1, Idle, 4)], 2, "1.1"),
        (vec![(1, Idle, 1), (1, Silent, 5), (1, Silent, 6)], 2, "1.1"),
        // A request runs on each: the network above its share loses one.
        (vec![(1, Running, 5), (1, Running, 3), (1, Running, 4)], 2, "1.1"),
        // The network above its share loses one, not the one within, whatever both do.
        (vec![(1, Running, 1), (1, Running, 2), (1, Running, 3), (2, Silent, 0)], 3, "1.0"),
        // Of two above their share what does less goes first, then the one that holds more.
        (vec![(1, Idle, 1), (1, Idle, 2), (1, Idle, 3), (2, Silent, 9), (2, Idle, 0)], 3, "2.3"),
        (vec![(1, Idle, 8), (1, Idle, 9), (1, Idle, 7), (2, Idle, 0), (2, Idle, 1)], 3, "1.2"),
        // A newcomer whose network has its share takes from its own.
        (vec![(1, Idle, 1), (1, Idle, 2), (2, Idle, 9), (2, Idle, 8)], 2, "2.3"),
        (vec![(1, Silent, 1), (1, Silent, 2), (2, Running, 9), (2, Running, 8)], 2, "refused"),
        (vec![(1, Silent, 1), (1, Silent, 2), (2, Running, 9), (2, Stalled, 8)], 2, "2.3"),
        // One network alone takes from itself, but never a running request.
        (vec![(1, Idle, 3), (1, Running, 1), (1, Idle, 2)], 1, "1.2"),
        (vec![(1, Running, 3), (1, Running, 1)], 1, "refused"),
        // More networks than places: nobody is above a share, and what never spoke, or idles longest, goes.
        (vec![(1, Running, 1), (2, Idle, 3), (3, Idle, 2)], 4, "3.2"),
        (vec![(1, Idle, 1), (2, Silent, 3), (3, Silent, 2)], 4, "3.2"),
        (vec![(1, Running, 1), (2, Running, 3), (3, Running, 2)], 4, "refused"),
    ] {
        assert_eq!(displaced(&mut full(&held), newcomer), expected, "{held:?}, then {newcomer}");
    }
}

#[test]
fn where_certificates_are_needed_who_shows_none_goes_first() {
    for (held, newcomer, expected) in [
        // Whoever holds it, and before what idles above its share.
        (vec![(1, Idle, 1), (1, Idle, 2), (1, Idle, 3), (2, Handshake, 999)], 3, "2.3"),
        // The network with the most of them, and its oldest.
        (vec![(1, Handshake, 1), (2, Handshake, 9), (2, Idle, 0), (2, Handshake, 8)], 3, "2.3"),
        // A network that has its share takes from its own all the same.
        (vec![(1, Idle, 1), (1, Idle, 2), (2, Handshake, 999), (3, Idle, 1)], 1, "1.0"),
        (vec![(1, Idle, 1), (1, Handshake, 2), (1, Handshake, 3), (2, Idle, 1)], 1, "1.1"),
        // Without any, the share decides.
        (vec![(1, Idle, 1), (1, Silent, 2), (2, Idle, 0)], 3, "1.1"),
    ] {
        let mut places = full(&held);
        places.needs_certificate = true;
        assert_eq!(displaced(&mut places, newcomer), expected, "{held:?}, then {newcomer}");
    }
    // Elsewhere it is as silent as who says nothing.
    let held = [(1, Idle, 1), (1, Idle, 2), (1, Idle, 3), (2, Handshake, 999)];
    assert_eq!(displaced(&mut full(&held), 3), "1.0");
}

#[test]
fn one_network_alone_gets_all_places_and_gives_them_up_one_by_one() {
    let mut places = Places::new(64, false);
    for number in 0..64 {
        let admission = places.admit(network(1), one("lb", Running, number), NOW);
        assert_eq!(admission, Admission::Free(number));
    }
    for number in 0..32 {
        assert_eq!(displaced(&mut places, 2), "lb", "{number}");
    }
    assert_eq!(displaced(&mut places, 2), "new", "both have their share");
    assert_eq!((places.open(), places.networks()), (64, 2));
}

#[test]
fn what_left_its_place_counts_until_it_closes_and_is_bounded() {
    let mut places = full(&[(1, Idle, 1); 32]);
    assert_eq!(surplus(32), 2);
    assert!(places.has_descriptor());
    let Admission::Displacing(_, first) = places.admit(network(2), one("a", Silent, 9), NOW) else {
        panic!()
    };
    first.standing.set(Standing { doing: Running, since: NOW });
    assert!(places.has_descriptor());
    assert_eq!(displaced(&mut places, 2), "1.1");
    assert!(!places.has_descriptor());
    assert_eq!((places.open(), places.connections()), (32, 34));
    assert_eq!(places.first_to_cut(NOW).unwrap().name, "1.1", "no request runs on it");
    places.close(network(1), 1);
    assert!(places.has_descriptor());
    assert_eq!(places.first_to_cut(NOW).unwrap().name, first.name);
    places.close(network(1), 0);
    assert_eq!(places.first_to_cut(NOW), None);
    // A place that was never there, or twice.
    places.close(network(1), 0);
    places.close(network(9), 77);
    assert_eq!(places.connections(), 32);
}

#[test]
fn fewer_places_take_from_those_above_their_share() {
    let mut places = full(&[(1, Idle, 1), (1, Idle, 2), (1, Running, 3), (1, Idle, 4), (2, Idle, 0)]);
    places.set_capacity(3);
    let trimmed: Vec<_> = places.trim(NOW).into_iter().map(|one| one.name).collect();
    assert_eq!(trimmed, ["1.0", "1.1"]);
    assert_eq!((places.open(), places.connections()), (3, 5));
    places.set_capacity(9);
    assert!(places.trim(NOW).is_empty());
    assert_eq!(displaced(&mut places, 1), "free");
}

#[test]
fn a_host_has_one_network_however_many_addresses_it_has() {
    let of = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
    assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"));
    assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_ne!(of("::1"), of("0.0.0.0"));
}
