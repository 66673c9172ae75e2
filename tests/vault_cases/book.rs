//! The chapters that are replayed, each with its size, and the deliberate differences.

use super::cases::{Chapter, Deviation, Scenario};

/// A chapter's name, its text, and how many scenarios and steps it holds.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) scenarios: usize,
    pub(crate) steps: usize,
}

macro_rules! entry {
    ($name:literal, $scenarios:literal, $steps:literal) => {
        Entry {
            name: $name,
            text: include_str!(concat!("../conformance/", $name, ".json")),
            scenarios: $scenarios,
            steps: $steps,
        }
    };
}

pub(crate) const LOGIN: Entry = entry!("login", 197, 736);
pub(crate) const TOKEN_REVIEW: Entry = entry!("token-review", 59, 182);
pub(crate) const TIME: Entry = entry!("time", 20, 71);
pub(crate) const ROLE: Entry = entry!("role", 163, 376);
pub(crate) const CONFIG: Entry = entry!("config", 57, 136);
pub(crate) const HTTP: Entry = entry!("http", 39, 199);
pub(crate) const TOKENS: Entry = entry!("tokens", 38, 251);
pub(crate) const SYS: Entry = entry!("sys", 20, 106);
pub(crate) const POLICIES: Entry = entry!("policies", 31, 289);

/// All of them.
pub(crate) const BOOK: [Entry; 9] = [LOGIN, TOKEN_REVIEW, TIME, ROLE, CONFIG, HTTP, TOKENS, SYS, POLICIES];

impl Entry {
    /// The chapter, read.
    pub(crate) fn read(&self) -> Chapter {
        serde_json::from_str(self.text).unwrap_or_else(|error| panic!("{}.json: {error}", self.name))
    }
}

/// Where rolegate differs on purpose.
pub(crate) fn deviations() -> Vec<Deviation> {
    let all: Vec<Deviation> = serde_json::from_str(include_str!("../conformance/deviations.json"))
        .unwrap_or_else(|error| panic!("deviations.json: {error}"));
    all.into_iter().filter(|deviation| !UNDECIDED_RENEWALS.contains(&deviation.scenario.as_str())).collect()
}

/// Renewals that are to be undecided without an API server. They are not yet: the account is not asked for, so that the
/// recorded answer of the reference holds.
const UNDECIDED_RENEWALS: [&str; 1] = ["renewal without the config"];

/// Every scenario of the book.
pub(crate) fn scenarios() -> Vec<Scenario> {
    BOOK.iter().flat_map(|entry| entry.read().scenarios).collect()
}
