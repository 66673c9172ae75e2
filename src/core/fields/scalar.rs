//! Scalars as Go's `strconv` reads them.

use std::num::IntErrorKind;

use serde_json::{Number, Value};

/// A scalar as text: numbers as they were written, booleans as `1` and `0`, null as nothing.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Number(number) => Some(number_text(number)),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The number as it was written; the JSON reader puts a `+` into `1e3`.
pub(super) fn number_text(number: &Number) -> String {
    number.to_string().replacen("e+", "e", 1)
}

/// Go's name for what a JSON value decodes to.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(_) => "json.Number",
        Value::String(_) => "string",
    }
}

/// `strconv.ParseBool`, and false for the empty text.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("cannot parse '' as bool: strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// `strconv.ParseInt` with base 0 and 64 bits, and 0 for the empty text.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    signed(text)
        .map_err(|cause| format!("cannot parse '' as int: strconv.ParseInt: parsing {text:?}: {cause}"))
}

fn signed(text: &str) -> Result<i64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = based(unsigned);
    let good = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !digits.split('_').all(good) {
        return Err(SYNTAX);
    }
    i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).map_err(|error| {
        match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => SYNTAX,
        }
    })
}

/// The base that a prefix names, and the digits; one `_` may stand after the prefix.
fn based(text: &str) -> (u32, &str) {
    let prefixes = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8), ("0", 8)];
    prefixes
        .into_iter()
        .filter(|_| text != "0")
        .find_map(|(prefix, radix)| Some((radix, text.strip_prefix(prefix)?)))
        .map_or((10, text), |(radix, digits)| (radix, digits.strip_prefix('_').unwrap_or(digits)))
}
