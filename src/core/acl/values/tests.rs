//! Tests of listed values.

use serde_json::{Value, json};

use super::{all_allowed, any_denied};

fn listed(list: &Value) -> &[Value] {
    list.as_array().unwrap()
}

#[test]
fn what_is_listed_is_allowed_and_nothing_else() {
    for (value, list, expected) in [
        (json!("anything"), json!([]), true),
        (json!("a"), json!(["a", "b"]), true),
        (json!("c"), json!(["a", "b"]), false),
        (json!("A"), json!(["a"]), false),
        (json!("abc"), json!(["a*"]), true),
        (json!("abc"), json!(["*c"]), true),
        (json!("abc"), json!(["*b*"]), true),
        (json!("abc"), json!(["a*c"]), false),
        (json!("abc"), json!(["*"]), false),
        (json!("*"), json!(["*"]), true),
        (json!("abc"), json!(["**"]), true),
        (json!(5), json!([5]), true),
        (json!("5"), json!([5]), false),
        (json!(5), json!(["5"]), false),
        (json!(true), json!([true]), true),
        (json!(null), json!([null]), true),
        (json!(null), json!(["a"]), false),
        (json!(["a", "b"]), json!(["a", "b", "c"]), true),
        (json!(["a", "d"]), json!(["a", "b", "c"]), false),
        (json!(["a", "b"]), json!([["a", "b"]]), true),
        (json!("a, b"), json!(["a", "b", "c"]), true),
        (json!("a,d"), json!(["a", "b", "c"]), false),
        (json!("a,"), json!(["a"]), false),
        (json!(""), json!(["a"]), false),
        (json!([]), json!(["a"]), false),
        (json!({"a": 1}), json!(["a"]), false),
    ] {
        assert_eq!(all_allowed(&value, listed(&list)), expected, "{value} of {list}");
    }
}

#[test]
fn what_comes_to_a_listed_value_is_denied() {
    for (value, list, expected) in [
        (json!("anything"), json!([]), true),
        (json!("a"), json!(["a"]), true),
        (json!("b"), json!(["a"]), false),
        (json!("root"), json!(["r*"]), true),
        (json!(["b", "a"]), json!(["a"]), true),
        (json!("b, a"), json!(["a"]), true),
        (json!(["b"]), json!(["a"]), false),
        (json!(5), json!(["5"]), true),
        (json!("5"), json!([5]), true),
        (json!([5]), json!(["5"]), true),
        (json!(true), json!(["true"]), true),
        (json!("A"), json!(["a"]), true),
        (json!(["b", "A"]), json!(["a"]), true),
        (json!("ROOT"), json!(["Ro*"]), true),
        (json!([" a"]), json!(["a"]), true),
        (json!(["\u{2003}a\n"]), json!(["a*"]), true),
        (json!(" a"), json!([" a"]), true),
        (json!(" 5 "), json!([5]), true),
        (json!(["ab"]), json!(["a"]), false),
        (json!(null), json!(["a"]), false),
        (json!(["a", "b"]), json!([["a", "b"]]), true),
    ] {
        assert_eq!(any_denied(&value, listed(&list)), expected, "{value} of {list}");
    }
}
