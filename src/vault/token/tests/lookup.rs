//! Tests of look-ups and lists.

use serde_json::{Value, json};

use super::stage::{HOUR, Stage, data, done, listed, refused};
use crate::core::cidr::BoundCidr;
use crate::tokens::NewToken;
use crate::tokens::tests::house::{START, new_token};
use crate::vault::outcome::Class;
use crate::vault::request::Operation;

#[tokio::test]
async fn a_login_looks_itself_up_as_recorded() {
    let stage = Stage::new().await;
    let (token, issued) = stage.issue(new_token()).await;
    stage.house.later(10);
    let shown = data(stage.ask(&token, Operation::Read, "lookup-self", json!({})).await);
    let expected = json!({
        "accessor": issued.record.accessor,
        "creation_time": START,
        "creation_ttl": 3600,
        "display_name": "kubernetes-shop-orders",
        "entity_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "expire_time": "2023-11-14T23:13:20Z",
        "explicit_max_ttl": 0,
        "id": token,
        "issue_time": "2023-11-14T22:13:20Z",
        "meta": {
            "role": "Orders",
            "service_account_name": "orders",
            "service_account_namespace": "shop",
            "service_account_secret_name": "",
            "service_account_uid": "77c81ad7-1bea-4d94-9ca5-f5d7f3632331",
        },
        "num_uses": 0,
        "orphan": true,
        "path": "auth/kubernetes/login",
        "policies": ["default", "orders"],
        "renewable": true,
        "ttl": 3590,
        "type": "service",
    });
    assert_eq!(shown, expected);
    let by_root = data(stage.write("root", "lookup", json!({"token": token})).await);
    assert_eq!(by_root, expected);
    let mut by_accessor = expected;
    by_accessor["id"] = json!("");
    let accessor = json!({"accessor": issued.record.accessor});
    assert_eq!(data(stage.write("root", "lookup-accessor", accessor).await), by_accessor);
}

#[tokio::test]
async fn limits_show_where_there_are_any() {
    let stage = Stage::new().await;
    let cidrs = ["127.0.0.0/8", "10.0.0.1"].map(|text| BoundCidr::parse(text).unwrap());
    let new = NewToken { bound_cidrs: cidrs.to_vec(), period: HOUR, explicit_max_ttl: 5400, ..new_token() };
    let (token, _) = stage.issue(new).await;
    stage.house.later(5);
    stage.write(&token, "renew-self", json!({})).await;
    let shown = data(stage.ask(&token, Operation::Read, "lookup-self", json!({})).await);
    assert_eq!(shown["bound_cidrs"], json!(["127.0.0.0/8", "10.0.0.1"]));
    assert_eq!((&shown["period"], &shown["explicit_max_ttl"]), (&json!(3600), &json!(5400)));
    assert_eq!(shown["last_renewal_time"], json!(START + 5));
    assert_eq!(shown["last_renewal"], json!("2023-11-14T22:13:25Z"));
}

#[tokio::test]
async fn the_root_token_looks_itself_up_as_recorded() {
    let stage = Stage::new().await;
    for (operation, path, fields) in [
        (Operation::Read, "lookup-self", json!({})),
        (Operation::Read, "lookup", json!({})),
        (Operation::Write, "lookup", json!({"token": ""})),
        (Operation::Write, "lookup", json!({"token": "root"})),
    ] {
        let mut shown = data(stage.ask("root", operation, path, fields).await);
        let accessor = shown["accessor"].take();
        assert_eq!(accessor.as_str().map(str::len), Some(24));
        let expected = json!({
            "accessor": null, "creation_time": START, "creation_ttl": 0, "display_name": "token", "entity_id": "",
            "expire_time": null, "explicit_max_ttl": 0, "id": "root", "issue_time": "2023-11-14T22:13:20Z",
            "meta": null, "num_uses": 0, "orphan": true, "path": "auth/token/create", "policies": ["root"],
            "renewable": false, "ttl": 0, "type": "service",
        });
        assert_eq!(shown, expected, "{path}");
    }
}

#[tokio::test]
async fn uses_are_shown_as_they_are_after_this_one() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(NewToken { num_uses: 3, ..new_token() }).await;
    let mut shown = Vec::new();
    for _ in 0..3 {
        let found = data(stage.write(&token, "lookup", json!({"token": token})).await);
        shown.push(found["num_uses"].clone());
    }
    assert_eq!(shown, [json!(2), json!(1), json!(-1)]);
    assert!(stage.used(&token).await.is_none());
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_the_references_words() {
    let stage = Stage::new().await;
    let cases = [
        ("lookup", json!({"token": "bogus"}), Class::Denied, "bad token".to_owned()),
        ("lookup-accessor", json!({}), Class::Invalid, listed("missing accessor")),
        ("lookup-accessor", json!({"accessor": "bogus"}), Class::Invalid, listed("invalid accessor")),
        ("lookup/x", json!({}), Class::NotFound, listed("unsupported path")),
        ("create/x", json!({}), Class::Invalid, "unknown role x".to_owned()),
        ("accessors", json!({}), Class::NotFound, listed("unsupported path")),
    ];
    for (path, fields, class, text) in cases {
        assert_eq!(refused(stage.write("root", path, fields).await), (class, text), "{path}");
    }
    for (operation, path) in [
        (Operation::Read, "lookup-accessor"),
        (Operation::Delete, "lookup"),
        (Operation::Read, "create"),
        (Operation::Read, "accessors/"),
    ] {
        let outcome = stage.ask("root", operation, path, json!({})).await;
        assert_eq!(refused(outcome), (Class::Unsupported, listed("unsupported operation")), "{path}");
    }
}

#[tokio::test]
async fn accessors_are_listed_whole_or_in_pages() {
    let stage = Stage::new().await;
    for _ in 0..1100 {
        stage.issue(new_token()).await;
    }
    let list = |fields| stage.ask("root", Operation::List, "accessors/", fields);
    let keys = |shown: Value| shown["keys"].as_array().unwrap().clone();
    let all = keys(data(list(json!({})).await));
    assert_eq!(all.len(), 1101);
    let page = keys(data(list(json!({"limit": 5})).await));
    assert_eq!(page, all[..5]);
    let next = keys(data(list(json!({"limit": 1050, "after": page[4]})).await));
    assert_eq!(next, all[5..1055]);
    assert!(done(list(json!({"after": "~"})).await).is_empty(), "none: the door makes a 404 of it");
}

#[tokio::test]
async fn unknown_fields_are_named_where_something_is_said() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    let answer = done(stage.write(&token, "renew-self", json!({"foo": 1, "bar": 2, "increment": 5})).await);
    assert_eq!(answer.warnings, ["Endpoint ignored these unrecognized parameters: [bar foo]"]);
    assert!(done(stage.write(&token, "revoke-self", json!({"foo": 1})).await).is_empty());
}

#[tokio::test]
async fn tidying_is_begun_and_said() {
    let stage = Stage::new().await;
    let answer = done(stage.write("root", "tidy", json!({})).await);
    assert!(answer.warnings.concat().starts_with("Tidy operation successfully started."));
}
