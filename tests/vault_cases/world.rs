//! What a string of a scenario may refer to: tokens, keys, the API server, and what was captured before.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rolegate::{app::SystemClock, ports::Clock as _};
use serde_json::{Map, Value};

use super::cases::Chapter;

/// One scenario's references.
#[derive(Debug)]
pub(crate) struct World<'a> {
    chapter: &'a Chapter,
    kube: String,
    /// The type with which mounts are enabled.
    pub(crate) mount_type: String,
    tokens: BTreeMap<String, String>,
    captured: BTreeMap<String, String>,
    started: i64,
}

impl<'a> World<'a> {
    /// Tokens that depend on the moment are signed for this one; `kube` is the API server's URL.
    pub(crate) fn new(chapter: &'a Chapter, mount_type: &str) -> Self {
        let started = SystemClock::start().unix_now();
        let text = |token: &super::cases::Token| match (&token.jwt, &token.claims) {
            (Some(jwt), _) => substitute(jwt, |name| name.strip_prefix("repeat:").map(repeated)),
            (None, Some(claims)) => sign(chapter.signing_key.as_deref().unwrap(), claims, started),
            (None, None) => panic!("a token without a text and without claims"),
        };
        let tokens = chapter.tokens.iter().map(|(name, token)| (name.clone(), text(token))).collect();
        Self {
            chapter,
            kube: String::new(),
            mount_type: mount_type.to_owned(),
            tokens,
            captured: BTreeMap::new(),
            started,
        }
    }

    /// The API server is at this URL.
    pub(crate) fn set_kube(&mut self, url: &str) {
        url.clone_into(&mut self.kube);
    }

    /// The moment of the scenario, in seconds since 1970.
    pub(crate) const fn started(&self) -> i64 {
        self.started
    }

    /// The tokens' names by their texts.
    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        self.tokens.iter().map(|(name, text)| (text.clone(), name.clone())).collect()
    }

    /// What was captured under that name.
    pub(crate) fn captured(&self, name: &str) -> Option<&str> {
        self.captured.get(name).map(String::as_str)
    }

    /// Every token's text: client tokens that were captured, and service-account tokens.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let client =
            self.captured.values().filter(|text| text.starts_with("hvs.") || text.starts_with("hvb."));
        let accounts = self.tokens.values().filter(|text| text.len() > 100);
        client.chain(accounts).map(String::as_str)
    }

    /// Keeps what stands in the answer at a dotted path, if it is there.
    pub(crate) fn capture(&mut self, name: &str, answer: &Value, path: &str) {
        let found = path.split('.').try_fold(answer, |value, part| match part.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(part),
        });
        if let Some(text) = found.and_then(Value::as_str) {
            self.captured.insert(name.to_owned(), text.to_owned());
        }
    }

    /// The text with what it refers to in place of `${…}`; what is not known stays as it is.
    pub(crate) fn fill(&self, text: &str) -> String {
        substitute(text, |name| self.look_up(name))
    }

    /// The same in every string of the value, keys included.
    pub(crate) fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.fill(key), self.fill_value(value))).collect()
            }
            other => other.clone(),
        }
    }

    fn look_up(&self, name: &str) -> Option<String> {
        match name.split_once(':') {
            Some(("token", token)) => self.tokens.get(token).cloned(),
            Some(("key", key)) => self.chapter.keys.get(key).cloned(),
            Some(("repeat", what)) => Some(repeated(what)),
            None if name == "kube" => Some(self.kube.clone()),
            None if name == "ca" => Some(self.chapter.ca.clone()),
            _ => self.captured.get(name).cloned(),
        }
    }
}

fn substitute(text: &str, look_up: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&look_up(name).unwrap_or_else(|| format!("${{{name}}}")));
        rest = after;
    }
    filled + rest
}

/// `TEXT:N` written out.
fn repeated(what: &str) -> String {
    let (text, times) = what.rsplit_once(':').unwrap();
    text.repeat(times.parse().unwrap())
}

/// Signs the claims, with `now` and `now±N` replaced.
fn sign(key: &str, claims: &Map<String, Value>, now: i64) -> String {
    let at_now = |value: &Value| match value.as_str().and_then(|text| text.strip_prefix("now")) {
        Some("") => now.into(),
        Some(offset) => (now + offset.parse::<i64>().unwrap()).into(),
        None => value.clone(),
    };
    let claims: Map<String, Value> = claims.iter().map(|(key, value)| (key.clone(), at_now(value))).collect();
    let key = EncodingKey::from_ec_pem(key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
}

#[test]
fn what_a_text_refers_to_is_put_in_its_place() {
    let text = "${repeat:ab:3}-${unknown}-${";
    let filled = substitute(text, |name| name.strip_prefix("repeat:").map(repeated));
    assert_eq!(filled, "ababab-${unknown}-${");
}
