//! The recorded logins, replayed through the decoders, the gate and the real verifier against a scripted API server.
//!
//! `conformance/*.json` were recorded from a running server; `conformance/cases.rs` says what they hold.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a case that cannot be read is a failed test"
)]

mod conformance {
    pub(crate) mod backend;
    pub(crate) mod cases;
    pub(crate) mod compare;
    pub(crate) mod left_out;
    pub(crate) mod stub;
    pub(crate) mod verifier;
}

use std::path::Path;

use conformance::backend::{Answer, Backend};
use conformance::cases::{Chapter, Deviation, Expectation, Scenario, Step};
use conformance::compare::{calls_differ, differs};
use conformance::left_out::{LEFT_OUT, OTHER_CALLS};
use conformance::stub::Stub;

const LOGIN: &str = include_str!("conformance/login.json");
const TOKEN_REVIEW: &str = include_str!("conformance/token-review.json");
const TIME: &str = include_str!("conformance/time.json");
const DEVIATIONS: &str = include_str!("conformance/deviations.json");

#[tokio::test]
async fn logins_are_decided_as_recorded() {
    replay("login", LOGIN, 690).await;
}

#[tokio::test]
async fn token_reviews_are_made_and_read_as_recorded() {
    replay("token-review", TOKEN_REVIEW, 180).await;
}

#[tokio::test]
async fn dates_are_judged_as_recorded() {
    replay("time", TIME, 60).await;
}

#[test]
fn what_is_left_out_and_what_deviates_is_there() {
    let chapters = [LOGIN, TOKEN_REVIEW, TIME].map(Chapter::read);
    let steps = |name: &str| {
        let mut scenarios = chapters.iter().flat_map(|chapter| &chapter.scenarios);
        scenarios.find(|scenario| scenario.name == name).map_or(0, |scenario| scenario.steps.len())
    };
    for left_out in &LEFT_OUT {
        let known = left_out.steps.iter().all(|step| *step < steps(left_out.scenario));
        assert!(known, "`{}` has no such steps", left_out.scenario);
    }
    for (scenario, _) in OTHER_CALLS {
        assert!(steps(scenario) > 0, "there is no `{scenario}`");
    }
}

#[test]
fn the_copies_are_not_stale() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = here.join("../shared/conformance");
    if !source.is_dir() {
        return;
    }
    for copy in std::fs::read_dir(here.join("tests/conformance")).unwrap() {
        let copy = copy.unwrap().path();
        if copy.extension().is_some_and(|end| end == "json") {
            let original = source.join(copy.file_name().unwrap());
            let same = std::fs::read(&copy).unwrap() == std::fs::read(&original).unwrap();
            assert!(same, "{} is stale: copy {} there", copy.display(), original.display());
        }
    }
}

#[test]
fn an_answer_that_differs_is_told() {
    let refused = Answer { status: 403, error: Some("permission denied".to_owned()), login: None };
    let expect = |text: &str| serde_json::from_str::<Expectation>(text).expect("an expectation");
    for fits in [
        r#"{"status": 403, "body": {"errors": ["permission denied"]}}"#,
        r#"{"status": [400, 403], "errors_start": "permission"}"#,
    ] {
        assert_eq!(differs(&refused, &expect(fits)), None);
    }
    for other in [
        r#"{"status": 503, "errors_start": ""}"#,
        r#"{"status": 403, "body": {"errors": ["namespace not authorized"]}}"#,
        r#"{"status": 403, "errors_start": "namespace"}"#,
        r#"{"status": 403, "body": {"auth": {"metadata": {}, "policies": []}}}"#,
    ] {
        assert!(differs(&refused, &expect(other)).is_some(), "{other}");
    }
}

/// Replays a chapter, tells how it went, and fails on any step that does.
async fn replay(chapter: &str, text: &str, at_least: usize) {
    let cases = Chapter::read(text);
    let deviations: Vec<Deviation> = serde_json::from_str(DEVIATIONS).expect("deviations");
    let mut passed = 0;
    let mut left_out = 0;
    let mut failures = Vec::new();
    for scenario in &cases.scenarios {
        let stub = Stub::start(scenario.cluster.clone(), cases.names()).await;
        let mut backend = Backend::with_mount(&scenario.mount.path);
        let mut whole = true;
        for (number, step) in scenario.steps.iter().enumerate() {
            let at = format!("{chapter}: {}, step {number}", scenario.name);
            if let Some(why) = why_left_out(scenario, number) {
                println!("left out: {at}: {why}");
                (left_out, whole) = (left_out + 1, false);
                continue;
            }
            let deviation = deviations
                .iter()
                .find(|deviation| deviation.scenario == scenario.name && deviation.step == number);
            // Where Vault answers otherwise, the recorded calls are not Vault's.
            whole &= deviation.is_none() && step.expect_vault.is_none();
            match perform(&cases, &stub, &mut backend, step, deviation.map(|deviation| &deviation.expect))
                .await
            {
                None => passed += 1,
                Some(difference) => failures.push(format!("{at}: {difference}")),
            }
        }
        let exempt = OTHER_CALLS.iter().any(|(name, _)| *name == scenario.name);
        if whole
            && !exempt
            && let Some(difference) = calls_differ(&cases, scenario, &stub)
        {
            failures.push(format!("{chapter}: {}: {difference}", scenario.name));
        }
    }
    println!("{chapter}: {passed} passed, {} failed, {left_out} left out", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(passed >= at_least, "only {passed} steps were compared");
}

/// Sends one step and says in what its answer differs.
async fn perform(
    cases: &Chapter,
    stub: &Stub,
    backend: &mut Backend,
    step: &Step,
    deviation: Option<&Expectation>,
) -> Option<String> {
    let fields = cases.fields(&step.send, &stub.url);
    let answer = backend.answer(&step.send.method, &step.send.path, &fields).await;
    let answer = answer.unwrap_or_else(|| panic!("nothing answers {} {}", step.send.method, step.send.path));
    match (deviation, &step.expect_vault) {
        (Some(expect), _) => differs(&answer, expect),
        (None, Some(vault)) => differs(&answer, vault),
        (None, None) => differs(&answer, &step.expect),
    }
}

fn why_left_out(scenario: &Scenario, step: usize) -> Option<&'static str> {
    let entry = LEFT_OUT.iter().find(|entry| entry.scenario == scenario.name && entry.steps.contains(&step));
    entry.map(|entry| entry.why)
}
