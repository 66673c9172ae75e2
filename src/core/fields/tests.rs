//! Tests of the field types, against the table of the reference.

use serde_json::{Map, Value, json};

use super::{FieldError, Fields};

/// Reads `{"f": value}`; `undefined` stands for a field that is not there.
fn read<T>(
    value: &str,
    get: impl FnOnce(&Fields<'_>) -> Result<Option<T>, FieldError>,
) -> Result<Option<T>, String> {
    let mut object = Map::new();
    if value != "undefined" {
        object.insert("f".to_owned(), serde_json::from_str(value).unwrap());
    }
    get(&Fields::new(&object)).map_err(|error| {
        error.to_string().strip_prefix("error converting input for field \"f\": ").unwrap().to_owned()
    })
}

#[test]
fn strings_take_every_scalar() {
    let cases = [
        ("undefined", None),
        ("null", Some("")),
        (r#"" a ""#, Some(" a ")),
        ("true", Some("1")),
        ("false", Some("0")),
        ("1.50", Some("1.50")),
        ("1e3", Some("1e3")),
        ("12345678901234567890123", Some("12345678901234567890123")),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.string("f")).unwrap().as_deref(), expected, "{value}");
    }
}

#[test]
fn an_object_in_a_strings_place_is_refused_and_not_shown() {
    for (value, kind) in [(r#"{"jwt":"hunter2"}"#, "map[string]interface {}"), ("[7]", "[]interface {}")] {
        let error = read(value, |f| f.string("f")).unwrap_err();
        assert_eq!(error, format!("'' expected type 'string', got unconvertible type '{kind}'"));
    }
}

#[test]
fn booleans_are_read_as_go_reads_them() {
    let cases = [
        ("undefined", Ok(None)),
        ("null", Ok(Some(false))),
        ("true", Ok(Some(true))),
        (r#""""#, Ok(Some(false))),
        (r#""T""#, Ok(Some(true))),
        (r#""False""#, Ok(Some(false))),
        ("1", Ok(Some(true))),
        ("2", Err(r#"cannot parse '' as bool: strconv.ParseBool: parsing "2": invalid syntax"#)),
        (r#""yes""#, Err(r#"cannot parse '' as bool: strconv.ParseBool: parsing "yes": invalid syntax"#)),
        ("[]", Err("'' expected type 'bool', got unconvertible type '[]interface {}'")),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.boolean("f")), expected.map_err(str::to_owned), "{value}");
    }
}

#[test]
fn integers_detect_their_base() {
    let cases = [
        ("null", 0),
        (r#""""#, 0),
        ("true", 1),
        ("-5", -5),
        (r#""+5""#, 5),
        (r#""0x10""#, 16),
        (r#""-0X1f""#, -31),
        (r#""010""#, 8),
        (r#""0b11""#, 3),
        (r#""0o17""#, 15),
        (r#""0x_1_0""#, 16),
        (r#""1_000""#, 1000),
        ("9223372036854775807", i64::MAX),
        (r#""-9223372036854775808""#, i64::MIN),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.integer("f")), Ok(Some(expected)), "{value}");
    }
}

#[test]
fn what_is_no_integer_is_refused() {
    for text in ["1.5", "x", "08", "1__0", "_1", "1_", "0x", "--1", "+-1", "0x-1", " 1", "1e3"] {
        let value = Value::from(text).to_string();
        let expected = format!("cannot parse '' as int: strconv.ParseInt: parsing {text:?}: invalid syntax");
        assert_eq!(read(&value, |f| f.integer("f")), Err(expected));
    }
    let error = read("9223372036854775808", |f| f.integer("f")).unwrap_err();
    assert!(error.ends_with("value out of range"), "{error}");
}

#[test]
fn durations_are_seconds_go_durations_or_days() {
    let cases = [
        ("undefined", None),
        ("null", None),
        (r#""""#, Some(0)),
        ("90", Some(90)),
        (r#""90""#, Some(90)),
        (r#""1h30m""#, Some(5400)),
        (r#""1.5h""#, Some(5400)),
        (r#""1500ms""#, Some(1)),
        (r#"".5m""#, Some(30)),
        (r#""2d""#, Some(172_800)),
        (r#""-500ms""#, Some(0)),
        ("9223372036", Some(9_223_372_036)),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.seconds("f")), Ok(expected), "{value}");
    }
}

#[test]
fn a_begun_second_is_a_whole_one_where_none_must_become_nothing() {
    for (value, expected) in [
        ("null", Ok(None)),
        (r#""""#, Ok(Some(0))),
        (r#""0s""#, Ok(Some(0))),
        (r#""1ns""#, Ok(Some(1))),
        (r#""1500ms""#, Ok(Some(2))),
        (r#""1h""#, Ok(Some(3600))),
        (r#""-1ms""#, Err("cannot provide negative value '-1'".to_owned())),
        ("1.5", Err(r#"time: missing unit in duration "1.5""#.to_owned())),
    ] {
        assert_eq!(read(value, |f| f.begun_seconds("f")), expected, "{value}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    let cases = [
        ("true", "could not parse duration from input"),
        ("{}", "could not parse duration from input"),
        ("1.5", r#"time: missing unit in duration "1.5""#),
        ("-5", "cannot provide negative value '-5'"),
        (r#""-1h""#, "cannot provide negative value '-3600'"),
        (r#""1w""#, r#"time: unknown unit "w" in duration "1w""#),
        (r#""x""#, r#"time: invalid duration "x""#),
        (r#"".h""#, r#"time: invalid duration ".h""#),
        (r#""1.5d""#, r#"strconv.ParseInt: parsing "1.5": invalid syntax"#),
        ("9999999999999", "duration 9999999999999 overflows"),
        (r#""99999999d""#, "duration 99999999d overflows"),
        (r#""9999999999h""#, r#"time: invalid duration "9999999999h""#),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.seconds("f")), Err(expected.to_owned()), "{value}");
    }
}

#[test]
fn lists_split_strings_and_keep_items_whole() {
    let cases: [(&str, &[&str]); 10] = [
        ("null", &[]),
        (r#""""#, &[]),
        ("{}", &[]),
        (r#""a, b ,""#, &["a", "b", ""]),
        (r#""a,,b""#, &["a", "", "b"]),
        (r#"",""#, &["", ""]),
        (r#"[" a,b ", 1, true, null]"#, &["a,b", "1", "1", ""]),
        ("5", &["5"]),
        ("false", &["0"]),
        ("[]", &[]),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.list("f")).unwrap().unwrap(), expected, "{value}");
    }
    for value in [r#"{"a":"b"}"#, r#"[["a"]]"#] {
        assert!(read(value, |f| f.list("f")).is_err(), "{value}");
    }
}

#[test]
fn items_are_whole() {
    let cases: [(&str, &[&str]); 5] = [
        ("null", &[]),
        ("[]", &[]),
        (r#""a, b""#, &["a, b"]),
        (r#"["a,b", 1]"#, &["a,b", "1"]),
        (r#""""#, &[""]),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value, |f| f.items("f")).unwrap().unwrap(), expected, "{value}");
    }
    for value in [r#"{"a":1}"#, "{}", "[[]]"] {
        assert!(read(value, |f| f.items("f")).is_err(), "{value}");
    }
}

#[test]
fn pairs_come_from_an_object_or_from_texts() {
    let cases = [
        ("null", json!({})),
        ("{}", json!({})),
        (r#"{"a":"b","c":1,"d":true}"#, json!({"a": "b", "c": "1", "d": "1"})),
        (r#""a=b,c=d""#, json!({"a": "b,c=d"})),
        (r#"["a=b","c=d=e"]"#, json!({"a": "b", "c": "d=e"})),
    ];
    for (value, expected) in cases {
        assert_eq!(json!(read(value, |f| f.pairs("f")).unwrap().unwrap()), expected, "{value}");
    }
    for value in [r#""""#, r#""a""#, r#"["a"]"#, r#""=b""#, r#"{"a":{"b":1}}"#, "5", "[{}]"] {
        assert!(read(value, |f| f.pairs("f")).is_err(), "{value}");
    }
}

#[test]
fn unknown_names_are_sorted() {
    let Value::Object(object) = json!({"c": 1, "b": 1, "a": 1}) else { panic!("no object") };
    assert_eq!(Fields::new(&object).unknown(&["b"]), ["a", "c"]);
}
