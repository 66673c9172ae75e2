//! Tests of policies' paths.

use serde_json::{Map, Value, json};

use super::{Form, PolicyWrite, list_answer, parse_delete, parse_write, read_answer};
use crate::vault::outcome::{Class, Refusal};

const TEXT: &str = "path \"auth/kubernetes/role/*\" { capabilities = [\"read\", \"list\"] }";

fn write(form: Form, name: &str, fields: &Value) -> Result<PolicyWrite, Refusal> {
    parse_write(form, name, fields.as_object().unwrap())
}

fn refusal(form: Form, name: &str, fields: &Value) -> String {
    let refusal = write(form, name, fields).unwrap_err();
    assert_eq!((refusal.class, refusal.errors.len()), (Class::Invalid, 1), "{name} {fields}");
    refusal.errors[0].clone()
}

fn data(value: Value) -> Option<Map<String, Value>> {
    value.as_object().cloned()
}

#[test]
fn a_policy_is_stored_as_its_text_and_says_nothing() {
    for form in [Form::Acl, Form::Old] {
        let write = write(form, "p1", &json!({"policy": TEXT})).unwrap();
        assert_eq!((write.name.as_str(), write.text.as_str()), ("p1", TEXT));
        assert!(write.answer().is_empty());
    }
}

#[test]
fn base64_is_stored_as_the_text_within() {
    for encoded in ["cGF0aCAieCIge30K", "cGF0\naCAi\r\neCIge30K\n"] {
        let write = write(Form::Acl, "p1", &json!({"policy": encoded})).unwrap();
        assert_eq!(write.text, "path \"x\" {}\n", "{encoded}");
    }
    assert_eq!(
        refusal(Form::Acl, "p1", &json!({"policy": "Zm9v"})),
        "failed to parse policy: At 1:4: key 'foo' expected start of object ('{') or assignment ('=')"
    );
    assert_eq!(
        refusal(Form::Acl, "p1", &json!({"policy": "/w=="})),
        "failed to parse policy: illegal UTF-8 encoding"
    );
}

#[test]
fn what_the_caller_should_know_comes_as_a_warning() {
    for (form, name, fields, warning) in [
        (Form::Acl, "Upper", json!({"policy": TEXT}), "policy name was converted to upper"),
        (Form::Old, "p1", json!({"rules": TEXT}), "'rules' is deprecated, please use 'policy' instead"),
        (
            Form::Acl,
            "p1",
            json!({"policy": "path \"x\" { mfa_methods = [\"m\"] }"}),
            "`mfa_methods` of path \"x\" is not enforced",
        ),
    ] {
        let write = write(form, name, &fields).unwrap();
        assert_eq!(write.name, name.to_lowercase());
        assert_eq!(write.answer().warnings, [warning]);
    }
}

#[test]
fn what_is_no_policy_or_not_to_be_written_is_refused() {
    let empty = "'policy' parameter not supplied or empty";
    for (form, name, fields, told) in [
        (Form::Acl, "p1", json!({}), empty),
        (Form::Acl, "p1", json!({"policy": ""}), empty),
        (Form::Acl, "p1", json!({"policy": null}), empty),
        (Form::Acl, "p1", json!({"rules": TEXT}), empty),
        (Form::Old, "p1", json!({}), empty),
        (Form::Acl, "root", json!({}), empty),
        (Form::Acl, "root", json!({"policy": TEXT}), "cannot update \"root\" policy"),
        (Form::Old, "Root", json!({"policy": TEXT}), "cannot update \"root\" policy"),
        (
            Form::Acl,
            "response-wrapping",
            json!({"policy": TEXT}),
            "cannot update \"response-wrapping\" policy",
        ),
        (
            Form::Acl,
            "p1",
            json!({"policy": "path \"x\" { capabilities = [\"fly\"] }"}),
            "failed to parse policy: path \"x\": invalid capability \"fly\"",
        ),
        (
            Form::Acl,
            "p1",
            json!({"policy": ["x"]}),
            "Field validation failed: error converting input for field \"policy\": '' expected type 'string', got \
             unconvertible type '[]interface {}'",
        ),
    ] {
        assert_eq!(refusal(form, name, &fields), told, "{name} {fields}");
    }
}

#[test]
fn some_policies_stay() {
    for (name, told) in [
        ("root", "cannot delete \"root\" policy"),
        ("ROOT", "cannot delete \"root\" policy"),
        ("default", "cannot delete default policy"),
        ("response-wrapping", "cannot delete \"response-wrapping\" policy"),
    ] {
        assert_eq!(parse_delete(name).unwrap_err(), Refusal::new(Class::Invalid, told), "{name}");
    }
    assert_eq!(parse_delete("Orders").unwrap(), "orders");
}

#[test]
fn a_policy_is_told_in_both_forms() {
    let answer = read_answer(Form::Acl, "p1", TEXT);
    assert!(!answer.data_at_top);
    assert_eq!(answer.data, data(json!({"name": "p1", "policy": TEXT})));
    let answer = read_answer(Form::Old, "p1", TEXT);
    assert!(answer.data_at_top);
    assert_eq!(answer.data, data(json!({"name": "p1", "rules": TEXT})));
}

#[test]
fn names_are_listed_in_order_and_root_behind_them() {
    let keys = json!(["a", "default", "p1", "z", "root"]);
    for stored in [vec!["z", "p1", "a"], vec!["z", "default", "p1", "response-wrapping", "root", "a"]] {
        let answer = list_answer(Form::Acl, stored.clone());
        assert!(!answer.data_at_top);
        assert_eq!(answer.data, data(json!({"keys": keys})), "{stored:?}");
        let answer = list_answer(Form::Old, stored);
        assert!(answer.data_at_top);
        assert_eq!(answer.data, data(json!({"keys": keys, "policies": keys})));
    }
    assert_eq!(list_answer(Form::Acl, []).data, data(json!({"keys": ["default", "root"]})));
}
