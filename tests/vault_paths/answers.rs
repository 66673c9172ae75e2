//! What is not there, what is told to whom, and what is in the log.

use serde_json::{Value, json};

use super::door::Door;

fn listed(text: &str) -> String {
    format!("1 error occurred:\n\t* {text}\n\n")
}
#[tokio::test]
async fn paths_that_are_not_there_answer_as_the_references_do() {
    let door = Door::open().await;
    let (path, operation) = (listed("unsupported path"), listed("unsupported operation"));
    let no_entry = |path: &str| format!("tune of path {path:?} failed: no mount entry found");
    let no_route = |path: &str| format!("no handler for route {path:?}. route entry not found.");
    for (method, asked, status, text) in [
        ("LIST", "sys/auth/kubernetes", 405, operation.clone()),
        ("LIST", "sys/auth", 404, path.clone()),
        ("GET", "sys/auth/kubernetes/tune/", 400, "No auth engine at kubernetes/tune/".to_owned()),
        ("GET", "sys/mounts/", 404, path.clone()),
        ("GET", "sys/mounts/kv", 400, "No secret engine mount at kv/".to_owned()),
        ("GET", "sys/mounts/kv/tune", 400, "cannot fetch sysview for path \"kv/\"".to_owned()),
        ("PUT", "sys/mounts/kv/tune", 400, no_entry("kv/")),
        ("PUT", "sys/auth/other/tune", 400, no_entry("auth/other/")),
        ("LIST", "sys/capabilities-self", 404, path.clone()),
        ("PUT", "sys/capabilities", 500, listed("no token found")),
        ("PUT", "sys/capabilities-accessor", 400, "missing accessor".to_owned()),
        ("LIST", "sys/policies/acl/default", 405, operation.clone()),
        ("LIST", "sys/policy/default", 405, operation.clone()),
        ("PUT", "sys/internal/ui/mounts", 405, "unsupported operation".to_owned()),
        ("LIST", "sys/internal/ui/mounts", 404, "unsupported path".to_owned()),
        ("GET", "sys/internal/ui/mounts/", 404, "unsupported path".to_owned()),
        ("LIST", "sys/internal/ui/mounts/auth/kubernetes", 405, "unsupported operation".to_owned()),
        ("PUT", "sys/leases/lookup", 404, path.clone()),
        ("LIST", "sys/leases/lookup/auth", 404, path.clone()),
        ("LIST", "auth/token/roles", 404, path.clone()),
        ("PUT", "auth/token/create/x", 400, "unknown role x".to_owned()),
        ("GET", "sys/audit", 404, path.clone()),
        ("GET", "secret/data/x", 404, no_route("secret/data/x")),
        ("GET", "cubbyhole/x", 404, no_route("cubbyhole/x")),
        ("PATCH", "sys/policies/acl/", 400, "mime: no media type".to_owned()),
    ] {
        let (got, answer) = door.root(method, asked, &Value::Null).await;
        assert_eq!((got, answer["errors"][0].as_str().unwrap()), (status, text.as_str()), "{method} {asked}");
    }
    let (status, answer) = door.root("POST", "auth/token/tidy", &json!({"foo": 1})).await;
    assert_eq!((status, answer["warnings"].as_array().unwrap().len()), (202, 1), "{answer}");
    let (status, answer) = door.ask("GET", "sys/internal/ui/mounts", "nobody's", &Value::Null).await;
    assert_eq!((status, &answer["errors"]), (403, &json!(["permission denied"])));
    let dotted = door.root("POST", "auth/token/create", &json!({"id": "abc.def"})).await;
    assert_eq!(
        (dotted.0, &dotted.1["errors"][0]),
        (400, &json!("custom token ID cannot have a '.' in the value"))
    );
}

#[tokio::test]
async fn who_has_logged_in_reads_its_own_entity_and_an_administrator_all() {
    let door = Door::open().await;
    assert_eq!(door.root("LIST", "identity/entity/id", &Value::Null).await.0, 404, "nobody has");
    let login = door.login().await;
    let (token, id) = (login["client_token"].as_str().unwrap(), login["entity_id"].as_str().unwrap());
    let (status, own) = door.ask("GET", &format!("identity/entity/id/{id}"), token, &Value::Null).await;
    assert_eq!((status, &own["data"]["id"]), (200, &json!(id)), "{own}");
    let alias = &own["data"]["aliases"][0];
    assert_eq!(
        (&alias["mount_path"], &alias["canonical_id"]),
        (&json!("auth/kubernetes/"), &json!(id)),
        "{alias}"
    );
    assert_eq!(alias["metadata"]["service_account_name"], json!("orders"), "{alias}");
    let name = own["data"]["name"].as_str().unwrap();
    let (status, named) = door.ask("GET", &format!("identity/entity/name/{name}"), token, &Value::Null).await;
    assert_eq!((status, &named["data"]), (200, &own["data"]));
    assert_eq!(door.ask("LIST", "identity/entity/id", token, &Value::Null).await.0, 403, "of others nothing");
    let (_, ids) = door.root("LIST", "identity/entity/id", &Value::Null).await;
    assert_eq!((&ids["data"]["keys"], &ids["data"]["key_info"][id]["name"]), (&json!([id]), &json!(name)));
    let (_, names) = door.root("LIST", "identity/entity/name", &Value::Null).await;
    assert_eq!(names["data"], json!({"keys": [name]}));
    for (method, path, status) in [
        ("GET", "identity/entity/id/nobody".to_owned(), 404),
        ("GET", "identity/entity/name/entity_00000000".to_owned(), 404),
        ("DELETE", format!("identity/entity/id/{id}"), 405),
        ("POST", format!("identity/entity/id/{id}"), 405),
        ("LIST", "identity/group/id".to_owned(), 404),
        ("GET", "identity/entity".to_owned(), 404),
    ] {
        assert_eq!(door.root(method, &path, &Value::Null).await.0, status, "{method} {path}");
    }
}

#[tokio::test]
async fn who_changes_what_others_depend_on_is_in_the_log() {
    let door = Door::open().await;
    door.root("PUT", "sys/policies/acl/kept", &json!({"policy": "path \"x\" { capabilities = [\"read\"] }"}))
        .await;
    let line = door.rolegate.wait_for_log("sys/policies/acl/kept").await;
    for told in
        ["\"administration\"", "\"operation\":\"write\"", "\"outcome\":\"done\"", "\"user\":\"token\""]
    {
        assert!(line.contains(told), "no {told} in {line}");
    }
    door.root("DELETE", "auth/kubernetes/role/orders", &Value::Null).await;
    door.rolegate.wait_for_log("\"path\":\"auth/kubernetes/role/orders\"").await;
    let (_, made) = door.root("POST", "auth/token/create", &json!({})).await;
    let token = made["auth"]["client_token"].as_str().unwrap();
    let revoked = door.root("POST", "auth/token/revoke", &json!({ "token": token })).await;
    assert_eq!(revoked.0, 204);
    door.rolegate.wait_for_log("\"path\":\"auth/token/revoke\"").await;
    // Where old clients put it, a token is not shown.
    door.root("POST", &format!("auth/token/revoke/{token}"), &Value::Null).await;
    let line = door.rolegate.wait_for_log("\"path\":\"auth/token/revoke/…\"").await;
    assert!(line.contains("\"outcome\":\"failed\""), "{line}");
}

#[tokio::test]
async fn who_asks_for_help_changes_nothing() {
    let door = Door::open().await;
    for method in ["GET", "PUT", "DELETE", "LIST"] {
        let (status, answer) =
            door.root(method, "sys/policies/acl/orders?help=1", &json!({"policy": ""})).await;
        assert_eq!(
            (status, answer),
            (404, json!({"errors": ["no help is served here, and nothing was done"]}))
        );
    }
    let (status, kept) = door.root("GET", "sys/policies/acl/orders?help=", &Value::Null).await;
    assert!(status == 200 && kept["data"]["policy"] != "", "{kept}");
}

#[tokio::test]
async fn an_unknown_role_is_told_by_its_name_but_not_by_all_of_it() {
    let door = Door::open().await;
    for (role, told) in [("é".repeat(512), "é".repeat(512)), ("é".repeat(1 << 20), "é".repeat(512))] {
        let body = json!({"role": role, "jwt": "a.b.c"});
        let (status, answer) = door.send("POST", "auth/kubernetes/login", &[], &body).await;
        let expected = json!({"errors": [format!("invalid role name {told:?}")]});
        assert_eq!((status, answer), (400, expected));
    }
}
