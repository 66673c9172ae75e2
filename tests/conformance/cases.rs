//! The recorded cases: their format, their tokens, and what a string in them refers to.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The moment at which the cases happen, in seconds since 1970: later than all that they call past.
pub(crate) const NOW: i64 = 1_800_000_000;

/// One file of cases.
#[derive(Debug, Deserialize)]
pub(crate) struct Chapter {
    tokens: BTreeMap<String, Token>,
    keys: BTreeMap<String, String>,
    ca: String,
    signing_key: Option<String>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// A token, recorded whole or as claims that depend on the moment.
#[derive(Debug, Deserialize)]
struct Token {
    jwt: Option<String>,
    claims: Option<Map<String, Value>>,
}

/// Steps on a fresh server.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) mount: Mount,
    #[serde(default)]
    pub(crate) cluster: Value,
    pub(crate) steps: Vec<Step>,
    /// What the reference asked the API server; none where that is not stable.
    pub(crate) reference_calls: Option<Vec<Call>>,
}

/// The mount that the scenario begins with.
#[derive(Debug, Deserialize)]
pub(crate) struct Mount {
    pub(crate) path: String,
}

/// One request and what is expected.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) send: Request,
    pub(crate) expect: Expectation,
    pub(crate) expect_vault: Option<Expectation>,
}

/// A request to the Vault door.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    json: Option<Value>,
    raw: Option<String>,
}

/// What is compared of an answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Expectation {
    pub(crate) status: Statuses,
    pub(crate) body: Option<Value>,
    pub(crate) errors_start: Option<String>,
}

/// One status, or any of several.
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
    #[serde(default)]
    pub(crate) bearer: String,
    #[serde(default)]
    pub(crate) body: Value,
}

/// A deliberate difference: its expectation stands for the recorded one.
#[derive(Debug, Deserialize)]
pub(crate) struct Deviation {
    pub(crate) scenario: String,
    pub(crate) step: usize,
    pub(crate) expect: Expectation,
}

impl Chapter {
    /// Reads a file of cases, with every token signed.
    pub(crate) fn read(text: &str) -> Self {
        let mut chapter: Self = serde_json::from_str(text).unwrap();
        for token in chapter.tokens.values_mut() {
            let jwt = match (&token.jwt, &token.claims) {
                (Some(jwt), _) => repeated(jwt),
                (None, Some(claims)) => sign(chapter.signing_key.as_deref().unwrap(), claims),
                (None, None) => panic!("a token without a text and without claims"),
            };
            token.jwt = Some(jwt);
        }
        chapter
    }

    /// The tokens' names by their texts.
    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        let named = |(name, token): (&String, &Token)| (token.jwt.clone().unwrap_or_default(), name.clone());
        self.tokens.iter().map(named).collect()
    }

    /// The text with what it refers to in place of `${…}`.
    pub(crate) fn fill(&self, text: &str, kube: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap();
            filled.push_str(before);
            filled.push_str(&match name.split_once(':') {
                Some(("token", name)) => self.tokens[name].jwt.clone().unwrap(),
                Some(("key", name)) => self.keys[name].clone(),
                Some(("repeat", _)) => repeated(&format!("${{{name}}}")),
                None if name == "kube" => kube.to_owned(),
                None if name == "ca" => self.ca.clone(),
                _ => panic!("nothing is known of `{name}`"),
            });
            rest = after;
        }
        filled + rest
    }

    /// The fields of a request, filled.
    pub(crate) fn fields(&self, request: &Request, kube: &str) -> Map<String, Value> {
        let body = match (&request.json, &request.raw) {
            (Some(json), _) => json.to_string(),
            (None, Some(raw)) => raw.clone(),
            (None, None) => "{}".to_owned(),
        };
        let body: Map<String, Value> = serde_json::from_str(&body).unwrap();
        body.into_iter().map(|(key, value)| (key, self.fill_value(value, kube))).collect()
    }

    fn fill_value(&self, value: Value, kube: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(&text, kube)),
            Value::Array(items) => items.into_iter().map(|item| self.fill_value(item, kube)).collect(),
            other => other,
        }
    }
}

impl Statuses {
    pub(crate) fn hold(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::AnyOf(several) => several.contains(&status),
        }
    }
}

/// `${repeat:TEXT:N}` written out.
fn repeated(text: &str) -> String {
    let Some((before, after)) = text.split_once("${repeat:") else { return text.to_owned() };
    let (inner, after) = after.split_once('}').unwrap();
    let (part, times) = inner.rsplit_once(':').unwrap();
    format!("{before}{}{}", part.repeat(times.parse().unwrap()), repeated(after))
}

/// Signs the claims, with `now` and `now±N` replaced.
fn sign(key: &str, claims: &Map<String, Value>) -> String {
    let at_now = |value: &Value| match value.as_str().and_then(|text| text.strip_prefix("now")) {
        Some("") => NOW.into(),
        Some(offset) => (NOW + offset.parse::<i64>().unwrap()).into(),
        None => value.clone(),
    };
    let claims: Map<String, Value> = claims.iter().map(|(key, value)| (key.clone(), at_now(value))).collect();
    let key = EncodingKey::from_ec_pem(key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
}
