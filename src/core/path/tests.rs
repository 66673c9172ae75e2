//! Readings against the model, and what they cost.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::model;
use super::readings::{Readings, work_for};
use super::{agreed, is_below, is_plain};

/// All readings of a path; nothing where they are too many.
fn readings(path: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    let mut found = BTreeSet::from([path.to_vec()]);
    Readings::new(path).all(|reading| {
        assert!(found.insert(reading.to_vec()), "twice: {}", reading.escape_ascii());
        true
    })?;
    Some(found)
}

fn has(path: &str, reading: &str) -> bool {
    readings(path.as_bytes()).unwrap().contains(reading.as_bytes())
}

#[test]
fn each_step_and_their_compositions_are_readings() {
    for (path, found) in [
        ("/%61dmin", "/admin"),
        ("/%2561dmin", "/%61dmin /admin"),
        ("/v1/items%3AbatchDelete", "/v1/items:batchDelete"),
        ("/a/../b", "/b"),
        ("/a/./b/.", "/a/b/"),
        ("/../../b/..", "/"),
        ("/a/%2e%2E/b/x%2f..%2f..", "/b/x%2f..%2f.. /a/../b/x/../.. / /b/x/../.."),
        ("/a/.%2e/b", "/b"),
        ("/a/%252e%252e/b", "/a/%2e%2e/b /b"),
        ("//a///b//", "/a/b/"),
        ("/x//../b", "/x/b /b"),
        (r"/x\..\b", "/x/../b /b"),
        (r"/x%5c..%5Cb", r"/x\..\b /b"),
        ("/a;v=1/b;w", "/a/b /a"),
        ("/a;/../b", "/a/../b /b /a /a;/../b"),
        ("/a/..;/b", "/a/../b /b /a/.. /"),
        ("/a%3b/b", "/a;/b /a/b /a"),
        ("/a%3Fb%23c%00d", "/a /a?b#c\0d /a?b /a?b#c /a%3Fb /a%3Fb%23c"),
        ("/a#b", "/a"),
        ("/a%253fb", "/a /a%3fb"),
        ("/a%25253fb", "/a /a%253fb /a%3fb"),
        (r"\a", "/a"),
        ("a/../b", "/b"),
        ("%2Fa", "/a"),
    ] {
        for reading in found.split(' ') {
            assert!(has(path, reading), "{path} as {}", reading.escape_debug());
        }
    }
}

#[test]
fn nothing_else_is_a_reading() {
    for (path, all) in [
        ("/%252561", "/%252561 /%2561 /%61"),
        ("/a%zz%2%u002f%", "/a%zz%2%u002f%"),
        ("/%C0%AF", "/%C0%AF"),
        ("/A%41", "/A%41 /AA"),
        ("/a+b", "/a+b"),
        ("/...", "/..."),
        ("/.a/a./..a", "/.a/a./..a"),
        ("*", "*"),
        ("db.example.com:5432", "db.example.com:5432"),
        ("http://h/p", "http://h/p http:/h/p"),
        ("", ""),
    ] {
        let mut all: BTreeSet<Vec<u8>> = all.split(' ').map(|text| text.as_bytes().to_vec()).collect();
        if path.contains("%C0") {
            all.insert(b"/\xc0\xaf".to_vec());
        }
        assert_eq!(readings(path.as_bytes()).unwrap(), all, "{path}");
    }
}

#[test]
fn a_path_from_the_root_has_only_readings_from_the_root() {
    for path in ["/;a", "/..", "/?", "/%00", "/#/a", r"/\..\..", "/.;/..;/..", "/%3b"] {
        for reading in readings(path.as_bytes()).unwrap() {
            assert!(reading.starts_with(b"/"), "{path} as {}", reading.escape_ascii());
        }
    }
}

/// A plain path is passed on as it lies there, once; what makes other readings is not reached.
#[test]
fn a_plain_path_is_neither_copied_nor_looked_at_twice() {
    for path in ["/", "/orders/17", "/@scope/a:b=c,d", "/.well-known/x..y/...", "/caf\u{e9}", "*", "h:80", ""]
    {
        let mut calls = Vec::new();
        let told = agreed(path.as_bytes(), |reading| calls.push(reading.as_ptr_range()));
        assert_eq!((told, calls), (Some(()), vec![path.as_bytes().as_ptr_range()]), "{path}");
    }
}

#[test]
fn the_paths_of_clients_need_less_than_half_of_the_bound() {
    let blanks = "/a%20file%2Fwith%20blanks".repeat(80);
    let inner =
        "%2Fabcdefgh%20ijk-lm".repeat(100) + "%3Fa%3D" + &"abc%3Dde%26fgh%3Dhttp%253A%252F%252Fx".repeat(50);
    let outer = format!("/proxy/https://example.com{inner}%23end");
    for path in [
        "/@angular%2fcommon",
        "/api/v4/projects/group%2Fsub%2Fproject/repository/files/src%2Fmain%2Fa%20b.rs/raw",
        "/shop;jsessionid=0123456789ABCDEF;v=2/orders;v=1/17",
        "/wiki/C%23_%28language%29%3B_what%3F",
        "/proxy/https%3A%2F%2Fexample.com%2F%3Fa%3D1%26b%3D%2523x",
        "/matrix;a=1;b=2/x%3By//z%20%2F%2Fw",
        &blanks,
        &outer,
    ] {
        assert!(Readings::new(path.as_bytes()).halved().all(|_| true).is_some(), "{path}");
    }
}

/// Each part multiplies what the others make of a path; thousands of one part make no more than a few.
#[test]
fn work_is_bounded_whatever_a_path_is_made_of() {
    // As docs/configuration.md has it.
    assert_eq!(work_for(60 * 1024), (16 + 8 * 64 + 52 * 8) * 1024);
    let parts = [
        "/a;b",
        "%3b/..",
        "//",
        r"\..\",
        "%5c",
        "%253f",
        "%23",
        "#",
        "/%2e%2e/",
        "/.;/",
        "%00",
        "%2500",
        "é",
        "%zz",
        "/..;",
        "%25%32%66",
        "%c3%a9",
        "/a",
        "%2f",
        "%252f",
        "/../",
        ";",
    ];
    let mixed = parts.concat();
    for text in parts.iter().copied().chain([&*mixed]) {
        let path = format!("/{}", text.repeat(64 * 1024 / text.len()));
        let mut visited = 0;
        let told = agreed(path.as_bytes(), |reading| visited += reading.len());
        assert!(visited <= work_for(path.len()) + path.len(), "{text}: {visited} in readings");
        assert!(told.is_some() || text == mixed, "{text}: the same part again makes no new readings");
    }
    assert_eq!(agreed(mixed.repeat(3).as_bytes(), |_| ()), None, "too many to say that all agree");
}

/// Paths of bytes and texts that some step takes for more than they are.
fn path() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&str; 40] = [
        "/", "/", "/", "/", "a", "a", "b", "F", "2", "5", "%", "%25", "%2", "%2f", "%2F", "%5c", "\\", ";",
        "%3b", "%3B", ".", "..", "%2e", "%2E", "?", "%3f", "#", "%23", "\0", "%00", "é", "%C3%A9", "%c3",
        " ", "%20", "+", "%61", "%zz", "%u002f", "f",
    ];
    let raw = any::<u8>().prop_map(|byte| vec![byte]);
    let part = prop_oneof![20 => select(&PARTS[..]).prop_map(|part| part.as_bytes().to_vec()), 1 => raw];
    (any::<bool>(), vec(part, 0..9)).prop_map(|(rooted, parts)| {
        let root: &[u8] = if rooted { b"/" } else { b"" };
        [root, &parts.concat()].concat()
    })
}

/// A small table: prefixes as a configuration may have them, each with what it leads to. The last outcome is the default.
fn table() -> impl Strategy<Value = (Vec<(&'static str, u8)>, u8)> {
    const PREFIXES: [&str; 14] =
        ["", "/", "/a", "/a/", "/b", "/F", "/a/b", "/a/a", "/é", "/a b", "/a/é", "/%", "/f%", "/2/5"];
    (vec((select(&PREFIXES[..]), 0..3_u8), 0..4), 0..3_u8)
}

fn first(table: &[(&str, u8)], default: u8, fits: impl Fn(&str) -> bool) -> u8 {
    table
        .iter()
        .find(|(prefix, _)| prefix.is_empty() || fits(prefix))
        .map_or(default, |(_, outcome)| *outcome)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_readings_are_those_of_the_model(path in path()) {
        prop_assert_eq!(readings(&path).expect("few"), model::readings(&path));
    }

    #[test]
    fn a_path_is_ambiguous_if_and_only_if_two_readings_lead_to_different_outcomes(
        path in path(),
        (table, default) in table(),
    ) {
        let told = agreed(&path, |reading| {
            first(&table, default, |prefix| is_below(reading, prefix.as_bytes()))
        });
        let outcomes: BTreeSet<u8> = model::readings(&path)
            .iter()
            .map(|reading| first(&table, default, |prefix| model::is_below(reading, prefix)))
            .collect();
        let one = outcomes.first().copied().filter(|_| outcomes.len() == 1);
        prop_assert_eq!(told, one, "{} in {:?}", path.escape_ascii(), table);
    }

    #[test]
    fn a_plain_path_has_one_reading(path in path()) {
        if is_plain(&path) {
            prop_assert_eq!(model::readings(&path).len(), 1);
        }
    }
}
