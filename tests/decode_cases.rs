//! The recorded cases of roles and configs (`tests/conformance`), replayed through the pure decoders: every write's
//! status, error text and warnings, and what a read shows afterwards.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeMap;

use rolegate::core::mount::MountConfig;
use rolegate::core::role::decode::{DEFAULT_MAX_LEASE, RoleError, RoleWrite, decode, is_role_name};
use serde_json::{Map, Value, json};

/// What the backend holds in one scenario.
#[derive(Default)]
struct Backend {
    roles: BTreeMap<String, RoleWrite>,
    config: Option<MountConfig>,
}

/// Steps whose answer is not the decoder's, or is another on purpose.
fn is_left_out(scenario: &str, step: usize) -> bool {
    match scenario {
        // A CA must be a certificate, here.
        "a CA that is none" => step >= 2,
        // Needs to look for the pod's files.
        "nothing local, no CA, local allowed" => true,
        // A form is taken apart before the decoder.
        name if name.contains("form body") => true,
        // The reference quotes a socket's path thrice when read.
        name if name.contains("/var/run/x.sock") || name.contains("10.0.0.0/33") => step == 1,
        _ => false,
    }
}

#[test]
fn roles_are_written_as_recorded() {
    let steps = replay(include_str!("conformance/role.json"));
    assert!(steps >= 200, "only {steps} steps were compared");
}

#[test]
fn configs_are_written_as_recorded() {
    let steps = replay(include_str!("conformance/config.json"));
    assert!(steps >= 80, "only {steps} steps were compared");
}

/// Replays a file and returns how many steps were compared.
fn replay(text: &str) -> usize {
    let file: Value = serde_json::from_str(text).unwrap();
    let mut compared = 0;
    for scenario in file["scenarios"].as_array().unwrap() {
        let mut backend = Backend::default();
        let name = scenario["name"].as_str().unwrap();
        for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let Some(answer) = backend.answer(&file, &step["send"]) else { continue };
            if is_left_out(name, number) {
                continue;
            }
            let fits = |expected: &Value| !expected.is_null() && fits(&answer, expected, &file);
            assert!(
                fits(&step["expect_vault"]) || fits(&step["expect"]),
                "{name}, step {number}: {answer}\nexpected {}\nor {}",
                step["expect"],
                step["expect_vault"]
            );
            compared += 1;
        }
    }
    compared
}

impl Backend {
    /// What was answered, as `{status, error, warnings, data}`; none where the step does not reach the decoder.
    fn answer(&mut self, file: &Value, send: &Value) -> Option<Value> {
        if send["as"] != "root" {
            return None;
        }
        let path = send["path"].as_str()?.strip_prefix("/v1/auth/kubernetes/")?;
        let fields = || -> Option<Map<String, Value>> {
            let body = match (&send["json"], send["raw"].as_str()) {
                (Value::Object(object), _) => object.clone(),
                (Value::Null, Some(raw)) => serde_json::from_str(raw).ok()?,
                _ => Map::new(),
            };
            Some(body.into_iter().map(|(key, value)| (key, filled(&value, file))).collect())
        };
        match (send["method"].as_str()?, path.strip_prefix("role/")) {
            ("POST" | "PUT", Some(name)) if is_role_name(name) => Some(self.write_role(name, &fields()?)),
            ("GET", Some(name)) if is_role_name(name) => {
                let role = self.roles.get(&name.to_lowercase());
                Some(role.map_or_else(
                    || json!({"status": 404}),
                    |r| json!({"status": 200, "data": r.role.fields()}),
                ))
            }
            ("DELETE", Some(name)) if is_role_name(name) => {
                self.roles.remove(&name.to_lowercase());
                None
            }
            ("POST" | "PUT", None) if path == "config" => Some(self.write_config(&fields()?)),
            ("GET", None) if path == "config" => {
                let config = self.config.as_ref();
                Some(config.map_or_else(
                    || json!({"status": 404}),
                    |config| json!({"status": 200, "data": config.fields()}),
                ))
            }
            _ => None,
        }
    }

    fn write_role(&mut self, name: &str, fields: &Map<String, Value>) -> Value {
        let before = self.roles.get(&name.to_lowercase());
        match decode(name, fields, before.map(|b| &b.role), DEFAULT_MAX_LEASE) {
            Err(error) => json!({"status": 400, "error": error.to_string()}),
            Ok(written) => {
                let warnings = json!(written.warnings);
                let status = if written.warnings.is_empty() { 204 } else { 200 };
                self.roles.insert(written.role.name.clone(), written);
                json!({"status": status, "warnings": warnings})
            }
        }
    }

    fn write_config(&mut self, fields: &Map<String, Value>) -> Value {
        use rolegate::core::mount::decode::{MountConfigError, decode};
        match decode(fields) {
            Err(error @ MountConfigError::Field(_)) => {
                json!({"status": 400, "error": format!("Field validation failed: {error}")})
            }
            Err(error) => json!({"status": 400, "error": error.to_string()}),
            Ok(config) => {
                self.config = Some(config);
                json!({"status": 204})
            }
        }
    }
}

/// Whether the answer is the recorded one, in what the decoder has a say in.
fn fits(answer: &Value, expected: &Value, file: &Value) -> bool {
    let body = &expected["body"];
    if answer["status"] != expected["status"] {
        return false;
    }
    let warnings = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.filter(|text| !text.starts_with("Endpoint ")).map(str::to_owned).collect()
    };
    match answer["error"].as_str() {
        Some(error) => match expected["errors_start"].as_str() {
            Some(start) => error.starts_with(start),
            None => body["errors"] == json!([error]),
        },
        None if answer["data"].is_object() => answer["data"] == filled(&body["data"], file),
        None => warnings(&answer["warnings"]) == warnings(&body["warnings"]),
    }
}

/// A value with the file's keys and CA in their places.
fn filled(value: &Value, file: &Value) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.replace("${ca}", file["ca"].as_str().unwrap_or_default());
            for (name, key) in file["keys"].as_object().into_iter().flatten() {
                text = text.replace(&format!("${{key:{name}}}"), key.as_str().unwrap());
            }
            Value::from(text)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, file)).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, item)| (key.clone(), filled(item, file))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn the_harness_tells_a_wrong_answer() {
    let expected = json!({"status": 400, "body": {"errors": [RoleError::NoNames.to_string()]}});
    assert!(fits(&json!({"status": 400, "error": RoleError::NoNames.to_string()}), &expected, &json!({})));
    assert!(!fits(&json!({"status": 400, "error": "else"}), &expected, &json!({})));
    assert!(!fits(&json!({"status": 204}), &expected, &json!({})));
}
