//! What is expected against what came.

use serde_json::Value;

use super::{
    cases::{Expectation, Statuses},
    placeholders::{stands_for, tells_that_seconds_passed},
    wire::Answer,
    world::World,
};

/// In what the answer differs from what is expected.
pub(crate) fn differs(expect: &Expectation, answer: &Answer, world: &World<'_>) -> Option<String> {
    if !expect.status.hold(answer.status) {
        let (want, text) = (expect.status.shown(), cut(&answer.text()));
        return Some(format!("status: want {want}, got {} with {text}", answer.status));
    }
    content_type(expect, answer)
        .or_else(|| headers(expect, answer))
        .or_else(|| errors(expect, answer, world))
        .or_else(|| body(expect, answer, world))
}

fn content_type(expect: &Expectation, answer: &Answer) -> Option<String> {
    if matches!(expect.status, Statuses::AnyOf(_)) {
        return None;
    }
    let want = expect.content_type.as_deref().unwrap_or("application/json");
    let got = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    (want != got).then(|| format!("content type: want `{want}`, got `{got}`"))
}

fn headers(expect: &Expectation, answer: &Answer) -> Option<String> {
    expect.headers.iter().find_map(|(name, want)| {
        let got = answer.header(name).unwrap_or_default();
        (want != got).then(|| format!("header {name}: want `{want}`, got `{got}`"))
    })
}

fn errors(expect: &Expectation, answer: &Answer, world: &World<'_>) -> Option<String> {
    let start = world.fill(expect.errors_start.as_deref()?);
    let json = answer.json();
    let errors = json.as_ref().and_then(|json| json.get("errors")?.as_array());
    let only = errors.filter(|errors| errors.len() == 1).and_then(|errors| errors[0].as_str());
    let fits = only.is_some_and(|text| text.starts_with(&start));
    (!fits).then(|| format!("errors: want one text that starts with `{start}`, got {}", cut(&answer.text())))
}

fn body(expect: &Expectation, answer: &Answer, world: &World<'_>) -> Option<String> {
    let text = answer.text();
    if expect.empty && !text.is_empty() {
        return Some(format!("body: want none, got {}", cut(&text)));
    }
    if let Some(want) = expect.text.as_ref().map(|want| world.fill(want)).filter(|want| *want != text) {
        return Some(format!("body: want the text {want:?}, got {:?}", cut(&text)));
    }
    let want = expect.body.as_ref()?;
    match answer.json() {
        None => Some(format!("body: want JSON, got {:?}", cut(&text))),
        Some(got) => value_differs(want, &got, world, "body"),
    }
}

/// In what one JSON value differs from another in which placeholders may stand; `at` is where they are.
pub(crate) fn value_differs(want: &Value, got: &Value, world: &World<'_>, at: &str) -> Option<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let missing = want.iter().find_map(|(key, want)| match got.get(key) {
                Some(got) => value_differs(want, got, world, &format!("{at}.{key}")),
                None if want == "<optional>" => None,
                None => Some(format!("{at}: `{key}` is missing, want {}", cut(&want.to_string()))),
            });
            missing.or_else(|| {
                let (key, value) = got.iter().find(|(key, _)| !want.contains_key(*key))?;
                Some(format!("{at}: `{key}` is not expected, got {}", cut(&value.to_string())))
            })
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            let mut pairs = want.iter().zip(got).enumerate();
            pairs.find_map(|(index, (want, got))| value_differs(want, got, world, &format!("{at}[{index}]")))
        }
        (Value::Null, Value::Array(got))
            if at == "body.warnings" && !got.is_empty() && got.iter().all(tells_that_seconds_passed) =>
        {
            None
        }
        (Value::String(text), _) => {
            let fits =
                stands_for(text, got, world).unwrap_or_else(|| got.as_str() == Some(&world.fill(text)));
            (!fits).then(|| unequal(want, got, at))
        }
        _ => (want != got).then(|| unequal(want, got, at)),
    }
}

fn unequal(want: &Value, got: &Value, at: &str) -> String {
    format!("{at}: want {}, got {}", cut(&want.to_string()), cut(&got.to_string()))
}

/// The first letters of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
