//! The recorded cases as they are written: chapters, scenarios, steps, and what is expected of each.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One file of cases.
#[derive(Debug, Deserialize)]
pub(crate) struct Chapter {
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) keys: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ca: String,
    pub(crate) signing_key: Option<String>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// A token, recorded whole or as claims that depend on the moment.
#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    pub(crate) jwt: Option<String>,
    pub(crate) claims: Option<Map<String, Value>>,
}

/// Steps on a fresh server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// The row or section of the contract.
    pub(crate) why: String,
    pub(crate) mount: Mount,
    #[serde(default)]
    pub(crate) cluster: Value,
    pub(crate) steps: Vec<Step>,
    /// What the reference asked the API server; none where that is not stable.
    pub(crate) reference_calls: Option<Vec<Call>>,
}

/// The mount that the scenario begins with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    pub(crate) path: String,
    /// More fields of the request that enables it.
    #[serde(default)]
    pub(crate) with: Map<String, Value>,
}

/// One request and what is expected.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) send: Request,
    pub(crate) expect: Expectation,
    /// Where Vault certainly answers something else than the server that was recorded.
    pub(crate) expect_vault: Option<Expectation>,
    /// What to take out of the answer, by a dotted path.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) wait_ms: u64,
}

/// A request as it goes onto the wire, once its strings are filled.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// `root`, `none`, or the name of a captured token.
    #[serde(rename = "as")]
    pub(crate) caller: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// `null` is a body, too.
    #[serde(default, deserialize_with = "present")]
    pub(crate) json: Option<Value>,
    pub(crate) raw: Option<String>,
    pub(crate) raw_base64: Option<String>,
}

/// What is compared of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) status: Statuses,
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) body: Option<Value>,
    pub(crate) errors_start: Option<String>,
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) empty: bool,
}

/// One status, or any of several where a step only sets the scene.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    One(u16),
    AnyOf(Vec<u16>),
}

/// A request to the API server.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) bearer: Option<String>,
    #[serde(default)]
    pub(crate) body: Value,
}

/// A deliberate difference: its expectation stands for the recorded ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    pub(crate) scenario: String,
    pub(crate) step: usize,
    pub(crate) why: String,
    pub(crate) expect: Expectation,
}

impl Statuses {
    /// Whether it is one of these.
    pub(crate) fn hold(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::AnyOf(several) => several.contains(&status),
        }
    }

    /// `200`, or `200 or 204`.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::One(one) => one.to_string(),
            Self::AnyOf(several) => several.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        }
    }
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}
