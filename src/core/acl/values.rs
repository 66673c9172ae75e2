//! Whether a parameter's value is among those that a policy lists.

use std::borrow::Cow;

use serde_json::Value;

/// Whether the list allows the value: it is on it, or it is a list (or a text with commas) all of whose items are.
/// An empty list allows everything.
pub(super) fn all_allowed(value: &Value, listed: &[Value]) -> bool {
    let on_list = |value: &Value| listed.iter().any(|pattern| is(value, pattern));
    let on_list_as_text = |text: &str| listed.iter().any(|pattern| is_text(text, pattern));
    listed.is_empty()
        || on_list(value)
        || match value {
            Value::Array(items) => !items.is_empty() && items.iter().all(on_list),
            Value::String(text) => !text.is_empty() && text.split(',').map(str::trim).all(on_list_as_text),
            _ => false,
        }
}

/// Whether the list denies the value: it, or any item of it, is on the list. An empty list denies everything.
///
/// Fields are decoded leniently, so that `5` and `"5"` do the same, `" a "` and `"a"` in lists, and `"A"` and `"a"` for
/// policies: all of them are denied where one is listed.
pub(super) fn any_denied(value: &Value, listed: &[Value]) -> bool {
    let lower = |value: &Value| scalar(value).map(|text| text.to_lowercase());
    let patterns: Vec<_> = listed.iter().map(|pattern| (pattern, lower(pattern))).collect();
    let on_list = |value: &Value| {
        let text = lower(value);
        patterns.iter().any(|(pattern, listed)| match (&text, listed) {
            (Some(text), Some(listed)) => {
                let fits = |text: &str| match pattern {
                    Value::String(_) => fits(text, listed),
                    _ => text == listed,
                };
                fits(text) || fits(text.trim())
            }
            _ => value == *pattern,
        })
    };
    listed.is_empty()
        || on_list(value)
        || match value {
            Value::Array(items) => items.iter().any(on_list),
            Value::String(text) => {
                text.split(',').any(|item| on_list(&Value::String(item.trim().to_owned())))
            }
            _ => false,
        }
}

fn is(value: &Value, pattern: &Value) -> bool {
    match value {
        Value::String(text) => is_text(text, pattern),
        _ => value == pattern,
    }
}

fn is_text(text: &str, pattern: &Value) -> bool {
    pattern.as_str().is_some_and(|pattern| fits(text, pattern))
}

/// A `*` at either end of a listed text stands for anything; alone, or in the middle, it is itself.
fn fits(text: &str, pattern: &str) -> bool {
    if pattern.len() < 2 {
        return text == pattern;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (None, None) => text == pattern,
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (Some(inner), Some(_)) => text.contains(inner.strip_suffix('*').unwrap_or(inner)),
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
