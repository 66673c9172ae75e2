//! Replays a chapter and tells how it went.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use super::{
    book::{Entry, deviations},
    calls::calls_differ,
    cases::{Chapter, Deviation, Expectation, Scenario, Step},
    compare::differs,
    settings::{Judge, Settings},
    stub::Stub,
    subject::Server,
    wire::send,
    world::World,
};

/// How long a step may take, besides what it waits for, until lives of seconds end otherwise than recorded.
const LATE: Duration = Duration::from_millis(500);

/// How often a scenario with such lives is played before its failure counts.
const TIMES: usize = 5;

/// How one scenario went.
#[derive(Debug, Default)]
struct Report {
    passed: usize,
    /// One line for each step that failed.
    failed: Vec<String>,
    /// Where the API server was asked something else.
    calls: Option<String>,
    /// Whether a step came late.
    late: bool,
}

/// Replays a chapter, each scenario on a server of its own, and fails on any step that does.
pub(crate) async fn replay(entry: &Entry) {
    replay_by(entry, &Settings::of_environment()).await;
}

/// The same by these settings.
pub(crate) async fn replay_by(entry: &Entry, settings: &Settings) {
    let (chapter, deviations) = (entry.read(), deviations());
    let play = Play { chapter: &chapter, deviations: &deviations, settings };
    let wanted = chapter.scenarios.iter().filter(|scenario| scenario.name.contains(&settings.only));
    let reports: Vec<Report> =
        stream::iter(wanted).map(|scenario| play.scenario(scenario)).buffered(4).collect().await;

    let (scenarios, passed) = (reports.len(), reports.iter().map(|report| report.passed).sum::<usize>());
    let failed: Vec<&str> = reports.iter().flat_map(|report| &report.failed).map(String::as_str).collect();
    let calls: Vec<&str> = reports.iter().filter_map(|report| report.calls.as_deref()).collect();
    let name = entry.name;
    for line in failed.iter().chain(&calls) {
        println!("{name}: {line}");
    }
    let steps = passed + failed.len();
    println!("{name}: {passed} passed, {} failed, in {scenarios} scenarios", failed.len());
    assert!(failed.is_empty(), "{name}: {} of {steps} steps failed", failed.len());
    assert!(calls.is_empty(), "{name}: {} scenarios asked the API server something else", calls.len());
    if settings.only.is_empty() {
        assert_eq!((scenarios, steps), (entry.scenarios, entry.steps), "{name}: not all was replayed");
    }
}

struct Play<'a> {
    chapter: &'a Chapter,
    deviations: &'a [Deviation],
    settings: &'a Settings,
}

impl Play<'_> {
    /// Plays a scenario, and again where it failed because the machine has held it up while its tokens ran out.
    async fn scenario(&self, scenario: &Scenario) -> Report {
        let waits = scenario.steps.iter().any(|step| step.wait_ms > 0);
        for _ in 1..TIMES {
            let report = self.once(scenario).await;
            if !waits || !report.late || report.failed.is_empty() {
                return report;
            }
        }
        self.once(scenario).await
    }

    async fn once(&self, scenario: &Scenario) -> Report {
        let world = || World::new(self.chapter, &self.settings.mount_type);
        let server = self.settings.subject.start(&world()).await;
        // Signed when its turn has come: some of its tokens are good for seconds.
        let mut world = world();
        let stub = Stub::start(scenario.cluster.clone(), world.names()).await;
        world.set_kube(&stub.url);
        let mut report = Report::default();
        let enabled = server.enable(&world, &scenario.mount).await;
        for (number, step) in scenario.steps.iter().enumerate() {
            let began = Instant::now();
            let difference = match &enabled {
                Ok(()) => {
                    let right = self.expected(scenario, number, step);
                    perform(&server, &mut world, step, &right).await
                }
                Err(error) => Some(error.clone()),
            };
            report.late |= began.elapsed() > Duration::from_millis(step.wait_ms) + LATE;
            match difference {
                None => report.passed += 1,
                Some(difference) => report.failed.push(format!(
                    "{} ({}), step {number}, {} {}: {difference}",
                    scenario.name, scenario.why, step.send.method, step.send.path
                )),
            }
        }
        if report.failed.is_empty() && self.settings.calls && self.asks_alike(scenario) {
            let calls = calls_differ(&world, scenario, &stub.calls());
            report.calls = calls.map(|calls| format!("{} ({}): {calls}", scenario.name, scenario.why));
        }
        server.end(&world).await;
        report
    }

    /// The answers of this step that are right: the deviation, else Vault's answer, else the recorded one.
    fn expected<'s>(&'s self, scenario: &Scenario, number: usize, step: &'s Step) -> Vec<&'s Expectation> {
        match (self.settings.judge, self.deviation(scenario, number), &step.expect_vault) {
            (Judge::Recorded, _, _) => vec![&step.expect],
            (_, Some(deviation), _) => vec![&deviation.expect],
            (Judge::Either, None, Some(of_vault)) => vec![of_vault, &step.expect],
            (_, None, of_vault) => vec![of_vault.as_ref().unwrap_or(&step.expect)],
        }
    }

    /// Whether the recorded calls are ours: where the answers are not the recorded ones, they are not.
    fn asks_alike(&self, scenario: &Scenario) -> bool {
        let recorded = |(number, step): (usize, &Step)| {
            step.expect_vault.is_none() && self.deviation(scenario, number).is_none()
        };
        scenario.steps.iter().enumerate().all(recorded)
    }

    fn deviation(&self, scenario: &Scenario, number: usize) -> Option<&Deviation> {
        let ours = |deviation: &&Deviation| deviation.scenario == scenario.name && deviation.step == number;
        self.deviations.iter().find(ours)
    }
}

/// Sends one step, keeps what is captured, and says in what the answer differs from the first that would be right.
async fn perform(
    server: &Server,
    world: &mut World<'_>,
    step: &Step,
    right: &[&Expectation],
) -> Option<String> {
    tokio::time::sleep(Duration::from_millis(step.wait_ms)).await;
    let answer = match send(server.address, &step.send, world, &server.root).await {
        Ok(answer) => answer,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(json) = answer.json() {
        for (name, path) in &step.capture {
            world.capture(name, &json, path);
        }
    }
    let differences: Option<Vec<String>> =
        right.iter().map(|expect| differs(expect, &answer, world)).collect();
    differences.and_then(|differences| differences.into_iter().next())
}
