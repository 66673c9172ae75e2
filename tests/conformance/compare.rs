//! What is expected against what came.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::backend::Answer;
use super::cases::{Call, Chapter, Expectation, Scenario};
use super::stub::Stub;

/// In what the answer differs from what is expected.
pub(crate) fn differs(answer: &Answer, expect: &Expectation) -> Option<String> {
    let error = answer.error.as_deref();
    let errors = expect.body.as_ref().and_then(|body| body.get("errors"));
    let auth = expect.body.as_ref().and_then(|body| body.get("auth"));
    let fits = expect.status.hold(answer.status)
        && errors.is_none_or(|errors| *errors == json!(error.as_slice()))
        && expect.errors_start.as_ref().is_none_or(|start| error.is_some_and(|text| text.starts_with(start)))
        && auth.is_none_or(|auth| is_login(answer, auth));
    (!fits).then(|| format!("{answer:?}, expected {expect:?}"))
}

/// Whether the login is of the expected account, with the expected policies.
fn is_login(answer: &Answer, auth: &Value) -> bool {
    let Some((metadata, policies)) = &answer.login else { return false };
    let expected = auth["metadata"].as_object().unwrap();
    // The secret's name is not reviewed; it is the door's to show.
    let same = expected.iter().filter(|(key, _)| *key != "service_account_secret_name");
    same.fold(true, |fits, (key, value)| fits && metadata.get(key) == Some(value))
        && *policies == auth["policies"]
}

/// In what the questions to the API server differ from the reference's, in any order.
pub(crate) fn calls_differ(cases: &Chapter, scenario: &Scenario, stub: &Stub) -> Option<String> {
    let names = cases.names();
    let all = |calls: &[Call]| {
        let mut shown: Vec<String> = calls.iter().map(|call| shown(cases, &names, call)).collect();
        shown.sort_unstable();
        shown
    };
    let (made, expected) = (all(&stub.calls()), all(scenario.reference_calls.as_deref()?));
    (made != expected).then(|| format!("asked {made:#?}, the reference {expected:#?}"))
}

/// A call as one line, of the body what the API server looks at.
fn shown(cases: &Chapter, names: &BTreeMap<String, String>, call: &Call) -> String {
    let name = |token: &str| {
        let token = cases.fill(token, "");
        names.get(&token).map_or(token, |name| format!("token {name}"))
    };
    let spec = &call.body["spec"];
    let token = spec["token"].as_str().map(name).unwrap_or_default();
    let audiences = spec["audiences"].as_array().into_iter().flatten();
    let mut audiences: Vec<&str> = audiences.filter_map(Value::as_str).collect();
    audiences.sort_unstable();
    format!("{} {} by {} of {token} for {audiences:?}", call.method, call.path, name(call.bearer.trim()))
}
