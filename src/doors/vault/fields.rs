//! A body's bytes as fields: JSON, or a form.

use memchr::memchr2_iter;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::de::StrRead;
use serde_json::{Deserializer, Map, StreamDeserializer, Value};

use super::query::pairs;
use crate::core::json::lossy;

/// A body of more values is not read: a value takes far more memory than the two bytes that it may be written in.
const MAX_VALUES: usize = 65_536;

/// A body that is nested deeper is not read, as in the reference: each level takes some of the stack.
const MAX_DEPTH: usize = 500;

/// Why a body is not read, in the reference's words. The body may be a secret, so nothing of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FieldsError {
    /// Not an object, or of too many values.
    #[error("error parsing JSON")]
    Json,
    /// Nested too deeply.
    #[error("JSON input exceeds allowed nesting depth")]
    Depth,
    /// An object and then something that is no JSON. (More JSON behind the object is not looked at.)
    #[error("failed to decode JSON input: something else follows")]
    Trailing,
    /// A broken escape, or a semicolon.
    #[error("error parsing form data")]
    Form,
}

/// The fields of a body; `form` is whether it calls itself a form, which an object or array is not for that.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn read(body: &[u8], form: bool) -> Result<Map<String, Value>, FieldsError> {
    match body.iter().find(|byte| !is_blank(**byte)) {
        None => Ok(Map::new()),
        Some(b'{' | b'[') => of_json(body),
        Some(_) if form => of_form(body),
        Some(_) => of_json(body),
    }
}

/// The first JSON value, numbers as they are written, the last of equal keys; `null` is no fields.
fn of_json(body: &[u8]) -> Result<Map<String, Value>, FieldsError> {
    if !is_small(body) {
        let Size { values, depth } = Size::of(body);
        if depth > MAX_DEPTH {
            return Err(FieldsError::Depth);
        }
        if values > MAX_VALUES {
            return Err(FieldsError::Json);
        }
    }
    // Like the reference's decoder, which puts U+FFFD where a text is no UTF-8.
    let text = lossy(body);
    let mut first = values(&text);
    let fields: Option<Option<Map<String, Value>>> =
        first.next().transpose().map_err(|_| FieldsError::Json)?;
    // Not by asking whether this is the end: that it is not is an error, which looks for its line in the whole text.
    for other in values::<IgnoredAny>(text.get(first.byte_offset()..).unwrap_or_default()) {
        other.map_err(|_| FieldsError::Trailing)?;
    }
    Ok(fields.flatten().unwrap_or_default())
}

/// The values that stand in a text, one after the other.
fn values<'a, T: Deserialize<'a>>(text: &'a str) -> StreamDeserializer<'a, StrRead<'a>, T> {
    let mut values = Deserializer::from_str(text);
    values.disable_recursion_limit();
    values.into_iter()
}

/// Pairs; the values of equal names are joined with commas.
fn of_form(body: &[u8]) -> Result<Map<String, Value>, FieldsError> {
    let mut fields: Map<String, Value> = Map::new();
    for (count, pair) in pairs(body).enumerate() {
        let (name, value) = pair.filter(|_| count < MAX_VALUES).ok_or(FieldsError::Form)?;
        match fields.get_mut(&name) {
            Some(Value::String(joined)) => {
                joined.push(',');
                joined.push_str(&value);
            }
            _ => drop(fields.insert(name, value.into())),
        }
    }
    Ok(fields)
}

/// Whether it can be seen at a glance that a text holds little: it has no more values than bytes, and no more levels than
/// brackets.
fn is_small(body: &[u8]) -> bool {
    body.len() <= MAX_VALUES && memchr2_iter(b'{', b'[', body).nth(MAX_DEPTH).is_none()
}

/// How much a text can hold, before it is read.
struct Size {
    /// No value but the first stands elsewhere than behind one of these: a comma, a bracket, a brace.
    values: usize,
    depth: usize,
}

impl Size {
    fn of(body: &[u8]) -> Self {
        let (mut values, mut open, mut depth) = (1_usize, 0_usize, 0);
        let (mut quoted, mut escaped) = (false, false);
        for byte in body {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b',' => values = values.saturating_add(1),
                b'{' | b'[' => {
                    values = values.saturating_add(1);
                    open = open.saturating_add(1);
                    depth = depth.max(open);
                }
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        Self { values, depth }
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{FieldsError, MAX_DEPTH, MAX_VALUES, read};

    fn json_fields(body: impl AsRef<[u8]>) -> Result<Value, FieldsError> {
        read(body.as_ref(), false).map(Value::Object)
    }

    fn form_fields(body: &str) -> Result<Value, FieldsError> {
        read(body.as_bytes(), true).map(Value::Object)
    }

    #[test]
    fn an_object_is_fields_and_nothing_is_none() {
        for (body, expected) in [
            ("", json!({})),
            (" \r\n\t", json!({})),
            ("null", json!({})),
            (" {} ", json!({})),
            (r#"{"a":1,"b":[true,null],"c":{"d":"e"}}"#, json!({"a": 1, "b": [true, null], "c": {"d": "e"}})),
            (r#"{"a":1,"a":2}"#, json!({"a": 2})),
            (r#"{"a":1} {"b":2}"#, json!({"a": 1})),
            (r#"{"a":1}[2]"#, json!({"a": 1})),
        ] {
            assert_eq!(json_fields(body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn numbers_are_kept_as_they_are_written() {
        let fields = read(br#"{"a":1.50,"b":12345678901234567890123,"c":-0}"#, false).unwrap();
        let text = |name: &str| fields[name].to_string();
        assert_eq!([text("a"), text("b"), text("c")], ["1.50", "12345678901234567890123", "-0"]);
    }

    #[test]
    fn text_that_is_no_utf_8_is_taken_with_a_sign_in_its_place() {
        assert_eq!(json_fields(b"{\"a\":\"x\xff\"}"), Ok(json!({"a": "x\u{fffd}"})));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in
            ["{", "hello", r#"{"role":"x""#, "[1,2]", "7", "\"x\"", r#"{"a":NaN}"#, "role=x", "{a:1}", "nul"]
        {
            assert_eq!(json_fields(body), Err(FieldsError::Json), "{body}");
        }
        for body in [r#"{"role":"x"}}"#, r#"{} x"#, r#"{"a":1}{"#] {
            let error = json_fields(body).unwrap_err();
            assert!(error.to_string().starts_with("failed to decode JSON input: "), "{body}: {error}");
        }
    }

    #[test]
    fn nesting_is_bounded_and_what_is_within_the_bound_fits_a_worker_s_stack() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let lists = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        // Half of what a worker has.
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let read_and_dropped = move || {
            for body in [nested(MAX_DEPTH), lists(MAX_DEPTH)] {
                assert!(json_fields(body).is_ok());
            }
            for body in [nested(MAX_DEPTH + 1), lists(MAX_DEPTH + 1), nested(1_000_000)] {
                assert_eq!(json_fields(body), Err(FieldsError::Depth));
            }
            assert_eq!(json_fields(format!("{{}}{}", "[".repeat(1_000_000))), Err(FieldsError::Depth));
            assert!(
                json_fields(json!({"a": "[".repeat(1_000_000)}).to_string()).is_ok(),
                "text is no nesting"
            );
        };
        small.spawn(read_and_dropped).unwrap().join().unwrap();
    }

    #[test]
    fn a_body_of_very_many_values_is_refused_and_a_long_text_is_not() {
        let numbers = |count: usize| format!("{{\"a\":[{}]}}", vec!["0"; count].join(","));
        assert!(json_fields(numbers(MAX_VALUES - 2)).is_ok());
        assert_eq!(json_fields(numbers(MAX_VALUES)), Err(FieldsError::Json));
        let lists = vec![format!("{}{}", "[".repeat(400), "]".repeat(400)); 200].join(",");
        assert_eq!(json_fields(format!("{{\"a\":[{lists}]}}")), Err(FieldsError::Json), "few commas");
        let text = json!({"a": ",\\\"".repeat(MAX_VALUES)});
        assert_eq!(json_fields(text.to_string()), Ok(text));
        let pairs = |count: usize| vec!["a"; count].join("&");
        assert!(form_fields(&pairs(MAX_VALUES)).is_ok());
        assert_eq!(form_fields(&pairs(MAX_VALUES + 1)), Err(FieldsError::Form));
    }

    #[test]
    fn what_follows_the_object_costs_no_more_than_its_length() {
        // Looked at anew from its start for each of them, the text would be read for hours.
        let many = |last: &str| format!("{{\"a\":1}}{}{last}", " 1".repeat(1_000_000));
        assert_eq!(json_fields(many("")), Ok(json!({"a": 1})));
        assert_eq!(json_fields(many("x")), Err(FieldsError::Trailing));
    }

    #[test]
    fn a_form_joins_what_is_there_twice() {
        for (body, expected) in [
            ("role=a%2Db&jwt=x+y", json!({"role": "a-b", "jwt": "x y"})),
            ("role=a&role=b&jwt=x", json!({"role": "a,b", "jwt": "x"})),
            ("role", json!({"role": ""})),
            ("", json!({})),
            (" \n", json!({})),
            (r#"  {"role":"x"}"#, json!({"role": "x"})),
        ] {
            assert_eq!(form_fields(body), Ok(expected), "{body}");
        }
        for (body, expected) in
            [("role=%zz", FieldsError::Form), ("role=a;jwt=x", FieldsError::Form), ("[1]", FieldsError::Json)]
        {
            assert_eq!(form_fields(body), Err(expected), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..64), form: bool) {
            let _read = read(&body, form);
        }

        #[test]
        fn nothing_like_json_panics(body in "[\\[\\]{}\",:\\\\ 0-9a-z.+-]{0,40}", form: bool) {
            let _read = read(body.as_bytes(), form);
        }
    }
}
