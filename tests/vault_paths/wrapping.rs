//! Wrapped answers.

use serde_json::{Value, json};

use super::door::Door;

#[tokio::test]
async fn however_short_it_is_to_be_wrapped_no_answer_leaves_in_the_open() {
    let door = Door::open().await;
    for ttl in ["1ns", "500ms"] {
        let headers = [("x-vault-token", "root"), ("x-vault-wrap-ttl", ttl)];
        let (status, answer) = door.send("GET", "auth/token/lookup-self", &headers, &Value::Null).await;
        let shown = (&answer["data"], &answer["wrap_info"]["ttl"]);
        assert_eq!((status, shown), (200, (&Value::Null, &json!(1))), "{ttl}");
    }
}

#[tokio::test]
async fn a_wrapped_answer_is_opened_by_its_own_token_or_by_whoever_may_and_by_nobody_else() {
    let door = Door::open().await;
    let gone = json!(["wrapping token is not valid or does not exist"]);
    let wrapped = door.wrapped().await;
    let body = json!({"token": wrapped});
    let empty = door.send("POST", "sys/wrapping/unwrap", &[], &json!({})).await;
    assert_eq!(
        (empty.0, &empty.1["errors"][0]),
        (403, &json!("error validating wrapping token: token is empty"))
    );
    for (token, what) in [(json!(""), "empty token in"), (json!(5), "could not decode token in")] {
        let (status, answer) =
            door.ask("POST", "sys/wrapping/unwrap", &wrapped, &json!({"token": token})).await;
        let text = format!("error validating wrapping token: {what} request body");
        assert_eq!((status, &answer["errors"]), (403, &json!([text])), "its own token is not asked instead");
    }
    for path in ["sys/wrapping/unwrap", "sys/wrapping/rewrap"] {
        assert_eq!(door.send("POST", path, &[], &body).await.0, 403, "{path}");
        assert_eq!(door.ask("POST", path, "nobody's", &body).await.0, 403, "{path}");
        let unknown = door.root("POST", path, &json!({"token": "nothing"})).await;
        assert_eq!((unknown.0, &unknown.1["errors"]), (400, &gone), "{path}");
    }
    let (_, looked) = door.send("POST", "sys/wrapping/lookup", &[], &body).await;
    assert_eq!(looked["data"]["creation_path"], json!("auth/token/lookup-self"), "{looked}");
    let (_, again) = door.root("POST", "sys/wrapping/rewrap", &body).await;
    let again = again["wrap_info"]["token"].as_str().unwrap().to_owned();
    assert_eq!(door.root("POST", "sys/wrapping/unwrap", &body).await.1["errors"], gone);
    let (status, opened) = door.ask("PUT", "sys/wrapping/unwrap", &again, &Value::Null).await;
    assert_eq!((status, &opened["data"]["policies"]), (200, &json!(["root"])), "{opened}");
    assert_eq!(door.ask("PUT", "sys/wrapping/unwrap", &again, &Value::Null).await.1["errors"], gone);
    let third = door.wrapped().await;
    let (_, made) = door.root("POST", "auth/token/create", &json!({"policies": ["default"]})).await;
    let plain = made["auth"]["client_token"].as_str().unwrap();
    assert_eq!(door.ask("POST", "sys/wrapping/unwrap", plain, &json!({"token": third})).await.0, 200);
}

#[tokio::test]
async fn a_stranger_leaves_nothing_behind_in_the_store() {
    let door = Door::open().await;
    let wrap = ("x-vault-wrap-ttl", "60");
    let held = door.wrapped().await;
    for (method, path, body, status) in [
        ("GET", "sys/internal/ui/mounts", Value::Null, 403),
        ("POST", "sys/wrapping/lookup", json!({"token": held}), 403),
        ("POST", "sys/wrapping/lookup", json!({"token": "x"}), 400),
    ] {
        assert_eq!(door.send(method, path, &[wrap], &body).await.0, status, "{path}");
    }
    let zero = [("x-vault-wrap-ttl", "0")];
    assert_eq!(door.send("GET", "sys/internal/ui/mounts", &zero, &Value::Null).await.0, 200);
    let (_, all) = door.root("LIST", "auth/token/accessors", &Value::Null).await;
    assert_eq!(all["data"]["keys"].as_array().unwrap().len(), 2, "the root token, and what it has wrapped");
    let (_, made) =
        door.send("GET", "sys/internal/ui/mounts", &[wrap, ("x-vault-token", "root")], &Value::Null).await;
    assert!(made["wrap_info"]["token"].is_string(), "{made}");
}
