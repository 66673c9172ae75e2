//! The cases themselves are whole, and as they were recorded.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    book::{BOOK, deviations, scenarios},
    calls::OTHER_CALLS,
    cases::Expectation,
    compare::differs,
    wire::Answer,
    world::World,
};

#[test]
fn all_chapters_are_whole() {
    for entry in &BOOK {
        let scenarios = entry.read().scenarios;
        let steps = scenarios.iter().map(|scenario| scenario.steps.len()).sum();
        assert_eq!((entry.scenarios, entry.steps), (scenarios.len(), steps), "{}", entry.name);
    }
    assert_eq!(BOOK.iter().map(|entry| entry.scenarios).sum::<usize>(), 624);
    assert_eq!(BOOK.iter().map(|entry| entry.steps).sum::<usize>(), 2346);
}

#[test]
fn every_name_is_one_scenario_and_what_is_named_is_there() {
    let scenarios = scenarios();
    let names: BTreeSet<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names.len(), scenarios.len());
    for deviation in deviations() {
        let scenario = scenarios.iter().find(|scenario| scenario.name == deviation.scenario);
        let there = scenario.is_some_and(|scenario| deviation.step < scenario.steps.len());
        assert!(there, "no step {} in `{}`", deviation.step, deviation.scenario);
    }
    for (name, _) in OTHER_CALLS {
        assert!(names.contains(name), "there is no `{name}`");
    }
}

#[test]
fn the_copies_are_not_stale() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = here.join("../shared/conformance");
    if !source.is_dir() {
        return;
    }
    let names = BOOK.iter().map(|entry| entry.name).chain(["deviations"]);
    for name in names.map(|name| format!("{name}.json")) {
        let (copy, original) = (here.join("tests/conformance").join(&name), source.join(&name));
        let same = fs::read(&copy).unwrap() == fs::read(&original).unwrap();
        assert!(same, "{} is stale: copy {} there", copy.display(), original.display());
    }
}

#[test]
fn an_answer_that_differs_is_told() {
    let chapter = BOOK[0].read();
    let world = World::new(&chapter, "kubernetes");
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n";
    let refused = Answer::of(format!("{head}{{\"errors\":[\"permission denied\"]}}").as_bytes());
    let expect = |text: &str| serde_json::from_str::<Expectation>(text).expect("an expectation");
    for fits in [
        r#"{"status": 403, "body": {"errors": ["permission denied"]}}"#,
        r#"{"status": 403, "body": {"errors": ["<starts:perm>"], "data": "<optional>"}}"#,
        r#"{"status": [400, 403], "content_type": "text/html", "errors_start": "permission"}"#,
        r#"{"status": 403, "headers": {"Cache-Control": ""}}"#,
    ] {
        assert_eq!(differs(&expect(fits), &refused, &world), None, "{fits}");
    }
    for other in [
        r#"{"status": 503, "errors_start": ""}"#,
        r#"{"status": 403, "content_type": "text/html"}"#,
        r#"{"status": 403, "body": {"errors": ["namespace not authorized"]}}"#,
        r#"{"status": 403, "body": {"errors": []}}"#,
        r#"{"status": 403, "body": {}}"#,
        r#"{"status": 403, "body": {"errors": ["permission denied"], "data": null}}"#,
        r#"{"status": 403, "body": {"errors": ["<uuid>"]}}"#,
        r#"{"status": 403, "errors_start": "namespace"}"#,
        r#"{"status": 403, "headers": {"Cache-Control": "no-store"}}"#,
        r#"{"status": 403, "text": "permission denied"}"#,
        r#"{"status": 403, "empty": true}"#,
    ] {
        assert!(differs(&expect(other), &refused, &world).is_some(), "{other}");
    }
}
