//! What is wanted beside what is there: an API server adds defaults, and drops what it does not know.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::Value;

/// Each place where `found` lacks what is `wanted`, or says something else. What it has besides does not matter.
pub(crate) fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut all = Vec::new();
    compare("", wanted, found, &mut all);
    all
}

/// The same for kinds that Kubernetes 1.20 does not serve, by the types that are generated from the API of a newer one.
pub(crate) fn differences_by_type(object: &Value) -> Vec<String> {
    let version = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let typed = match version {
        ("policy/v1", "PodDisruptionBudget") => {
            serde_json::from_value::<PodDisruptionBudget>(object.clone()).map(serde_json::to_value)
        }
        other => panic!("{other:?} is neither served by the API server of the tests nor known here by type"),
    };
    match typed {
        Ok(typed) => differences(object, &typed.unwrap()),
        Err(error) => vec![error.to_string()],
    }
}

fn compare(path: &str, wanted: &Value, found: &Value, all: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                let path = format!("{path}.{key}");
                match found.get(key) {
                    Some(found) => compare(&path, value, found, all),
                    None => all.push(format!("{path}: missing")),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, found, all);
            }
        }
        _ if wanted == found => {}
        // `0.0` and `0` are one number in JSON.
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {}
        _ => all.push(format!("{path}: `{found}` instead of `{wanted}`")),
    }
}
