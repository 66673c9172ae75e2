//! Tests of what a token is told that it may do.

use serde_json::{Value, json};

use super::capabilities_answer;
use crate::core::acl::{Acl, DEFAULT_POLICY, Policy};
use crate::vault::outcome::{Class, Refusal};

fn of_default(fields: &Value) -> Result<Value, Refusal> {
    let policy = Policy::parse(DEFAULT_POLICY).unwrap();
    let acl = Acl::compile([&policy], None);
    let answer = capabilities_answer(fields.as_object().unwrap(), &acl)?;
    assert!(answer.data_at_top);
    Ok(Value::Object(answer.data.unwrap()))
}

#[test]
fn every_path_is_told_and_one_alone_twice() {
    for (fields, told) in [
        (
            json!({"paths": ["auth/token/lookup-self", "auth/kubernetes/config", "sys/auth"]}),
            json!({"auth/token/lookup-self": ["read"], "auth/kubernetes/config": ["deny"], "sys/auth": ["deny"]}),
        ),
        (
            json!({"path": "auth/token/renew-self"}),
            json!({"auth/token/renew-self": ["update"], "capabilities": ["update"]}),
        ),
        (
            json!({"paths": "x,auth/token/renew-self"}),
            json!({"x": ["deny"], "auth/token/renew-self": ["update"]}),
        ),
        (json!({"paths": ["x"], "path": "y"}), json!({"x": ["deny"], "capabilities": ["deny"]})),
        (json!({"paths": [], "path": "y"}), json!({"y": ["deny"], "capabilities": ["deny"]})),
        (json!({"paths": ["x", "x"]}), json!({"x": ["deny"]})),
        (
            json!({"paths": ["capabilities", "auth/token/renew-self"]}),
            json!({"capabilities": ["deny"], "auth/token/renew-self": ["update"]}),
        ),
    ] {
        assert_eq!(of_default(&fields).unwrap(), told, "{fields}");
    }
}

#[test]
fn root_may_do_everything() {
    let answer = capabilities_answer(json!({"paths": ["x"]}).as_object().unwrap(), &Acl::root()).unwrap();
    assert_eq!(Value::from(answer.data), json!({"capabilities": ["root"], "x": ["root"]}));
}

#[test]
fn a_path_has_to_be_named() {
    let supply = Refusal::new(Class::Invalid, "paths must be supplied");
    for fields in [json!({}), json!({"paths": []}), json!({"paths": null}), json!({"path": ""})] {
        assert_eq!(of_default(&fields), Err(supply.clone()), "{fields}");
    }
    let missing = Refusal::new(Class::Invalid, "missing path").listed();
    assert_eq!(of_default(&json!({"paths": ["a", ""]})), Err(missing));
    let wrong = of_default(&json!({"paths": [{"a": 1}]})).unwrap_err();
    assert!(
        wrong.errors[0].starts_with("Field validation failed: error converting input for field \"paths\"")
    );
}
