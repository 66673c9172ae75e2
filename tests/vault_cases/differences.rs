//! The README's table of deliberate differences, which comes from the deviations.
#![expect(clippy::disallowed_methods, reason = "`UPDATE=1` rewrites the table")]

use std::{fmt::Write as _, fs, path::Path};

use super::{
    book::{deviations, scenarios},
    cases::{Deviation, Scenario},
};

const BEGIN: &str = "<!-- differences -->\n";
const END: &str = "<!-- /differences -->\n";

#[test]
fn the_readme_tells_every_deliberate_difference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("`<!-- differences -->` in README.md");
    let (_, after) = rest.split_once(END).expect("`<!-- /differences -->` in README.md");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        fs::write(&path, wanted).unwrap();
        return;
    }
    let how = "UPDATE=1 cargo test --test vault_cases the_readme_tells_every_deliberate_difference";
    assert!(readme == wanted, "the table in README.md is stale; `{how}` rewrites it");
}

/// A row for each reason, in the order of the file.
fn table() -> String {
    let (deviations, scenarios) = (deviations(), scenarios());
    let mut reasons: Vec<&str> = Vec::new();
    for deviation in &deviations {
        if !reasons.contains(&deviation.why.as_str()) {
            reasons.push(&deviation.why);
        }
    }
    let mut table = "| what differs | Vault | rolegate | cases |\n|---|---|---|---|\n".to_owned();
    for why in reasons {
        let these: Vec<&Deviation> = deviations.iter().filter(|deviation| deviation.why == why).collect();
        let vault = distinct(these.iter().map(|deviation| recorded(&scenarios, deviation)));
        let ours = distinct(these.iter().map(|deviation| deviation.expect.status.shown()));
        writeln!(table, "| {why} | {vault} | {ours} | {} |", these.len()).unwrap();
    }
    table
}

/// The status that Vault answers there.
fn recorded(scenarios: &[Scenario], deviation: &Deviation) -> String {
    let scenario = scenarios.iter().find(|scenario| scenario.name == deviation.scenario);
    let step = &scenario.unwrap_or_else(|| panic!("no `{}`", deviation.scenario)).steps[deviation.step];
    step.expect_vault.as_ref().unwrap_or(&step.expect).status.shown()
}

fn distinct(statuses: impl Iterator<Item = String>) -> String {
    let mut statuses: Vec<String> = statuses.collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.join(", ")
}
