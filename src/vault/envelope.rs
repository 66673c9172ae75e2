//! An answer as JSON: the envelope of every Vault answer, in the reference's order of keys.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use super::outcome::{Answer, Auth, WrapInfo};
use crate::core::json::AsItIs;
use crate::core::secret::Secret;

/// The keys of the envelope, in their order.
const KEYS: [&str; 8] =
    ["request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"];

/// An answer on the wire, with the line's end that the reference sends; what was wrapped is given out as it is.
///
/// The answer that only tells of a wrapping token bears no request id: the one inside does.
pub fn encode(request_id: &str, answer: &Answer) -> String {
    match &answer.unwrapped {
        Some(unwrapped) => unwrapped.expose().to_owned(),
        None => line(&Envelope { request_id, answer }),
    }
}

/// The body of a refusal.
pub fn errors<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    line(&BTreeMap::from([("errors", texts)]))
}

/// One line of JSON.
fn line(value: &impl Serialize) -> String {
    // Neither our own types nor a JSON object can fail to be JSON.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

struct Envelope<'a> {
    request_id: &'a str,
    answer: &'a Answer,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answer { data, data_at_top, auth, wrap_info, warnings, unwrapped: _, goes_on: _ } = self.answer;
        let mut map = serializer.serialize_map(None)?;
        if let Some(data) = data.as_ref().filter(|_| *data_at_top) {
            for (key, value) in own_names(data) {
                map.serialize_entry(key, value)?;
            }
        }
        map.serialize_entry("request_id", if wrap_info.is_some() { "" } else { self.request_id })?;
        map.serialize_entry("lease_id", "")?;
        map.serialize_entry("renewable", &false)?;
        map.serialize_entry("lease_duration", &0)?;
        map.serialize_entry("data", data)?;
        map.serialize_entry("wrap_info", &wrap_info.as_deref().map(WrapInfoOut))?;
        map.serialize_entry("warnings", &Some(warnings).filter(|warnings| !warnings.is_empty()))?;
        map.serialize_entry("auth", &auth.as_deref().map(AuthOut))?;
        map.end()
    }
}

/// The entries whose names mean nothing else at the top.
fn own_names(data: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    data.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()))
}

struct AuthOut<'a>(&'a Auth);

impl Serialize for AuthOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let auth = self.0;
        let mut map = serializer.serialize_map(Some(12))?;
        map.serialize_entry("client_token", &exposed(&auth.client_token))?;
        map.serialize_entry("accessor", &auth.accessor)?;
        map.serialize_entry("policies", &auth.policies)?;
        // The reference leaves an empty list out, and strict clients break on that.
        map.serialize_entry("token_policies", &auth.policies)?;
        map.serialize_entry("metadata", &auth.metadata)?;
        map.serialize_entry("lease_duration", &auth.lease_duration)?;
        map.serialize_entry("renewable", &auth.renewable)?;
        map.serialize_entry("entity_id", &auth.entity_id)?;
        map.serialize_entry("token_type", auth.token_type)?;
        map.serialize_entry("orphan", &auth.orphan)?;
        map.serialize_entry("mfa_requirement", &())?;
        map.serialize_entry("num_uses", &auth.num_uses)?;
        map.end()
    }
}

struct WrapInfoOut<'a>(&'a WrapInfo);

impl Serialize for WrapInfoOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wrap = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("token", &exposed(&wrap.token))?;
        map.serialize_entry("accessor", &wrap.accessor)?;
        map.serialize_entry("ttl", &wrap.ttl)?;
        map.serialize_entry("creation_time", &wrap.creation_time)?;
        map.serialize_entry("creation_path", &wrap.creation_path)?;
        if !wrap.wrapped_accessor.is_empty() {
            map.serialize_entry("wrapped_accessor", &wrap.wrapped_accessor)?;
        }
        map.end()
    }
}

/// The one who asked gets the token.
fn exposed(token: &Secret) -> AsItIs<'_> {
    AsItIs(token.expose())
}

#[cfg(test)]
mod tests;
