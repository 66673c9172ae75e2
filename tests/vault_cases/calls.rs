//! What the API server was asked against what the reference asked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    cases::{Call, Scenario},
    world::World,
};

/// Scenarios whose decision needs other calls than the reference makes.
pub(crate) const OTHER_CALLS: [(&str, &str); 3] = [
    ("a selector that the labels do not satisfy", BEFORE),
    ("a selector with two labels, one missing", BEFORE),
    ("a selector, labels fit, the review refuses", BEFORE),
];

const BEFORE: &str = "the review comes before the labels";

/// In what the questions differ from the reference's, in any order.
pub(crate) fn calls_differ(world: &World<'_>, scenario: &Scenario, made: &[Call]) -> Option<String> {
    if OTHER_CALLS.iter().any(|(name, _)| *name == scenario.name) {
        return None;
    }
    let names = world.names();
    let all = |calls: &[Call]| {
        let mut shown: Vec<String> = calls.iter().map(|call| shown(world, &names, call)).collect();
        shown.sort_unstable();
        shown
    };
    let (made, expected) = (all(made), all(scenario.reference_calls.as_deref()?));
    (made != expected).then(|| format!("asked {made:?}, the reference {expected:?}"))
}

/// A call as one line, of the body what the API server looks at.
fn shown(world: &World<'_>, names: &BTreeMap<String, String>, call: &Call) -> String {
    let name = |token: &str| {
        let token = world.fill(token);
        names.get(&token).map_or(token, |name| format!("token {name}"))
    };
    let spec = &call.body["spec"];
    let token = spec["token"].as_str().map(name).unwrap_or_default();
    let audiences = spec["audiences"].as_array().into_iter().flatten();
    let mut audiences: Vec<&str> = audiences.filter_map(Value::as_str).collect();
    audiences.sort_unstable();
    let bearer = name(call.bearer.as_deref().unwrap_or_default().trim());
    format!("{} {} by {bearer} of {token} for {audiences:?}", call.method, call.path)
}
