//! What policies say.

use serde_json::json;

use super::door::Door;

#[tokio::test]
async fn what_a_policy_says_of_a_name_counts_however_the_name_is_written() {
    let door = Door::open().await;
    let policy = r#"
        path "sys/policies/acl/*" { capabilities = ["create", "read", "update", "delete"] }
        path "sys/policies/acl/kept" { capabilities = ["deny"] }
        path "sys/auth/*" { capabilities = ["read", "delete", "sudo"] }
        path "sys/auth/kubernetes" { capabilities = ["read"] }
        path "sys/auth/token/tune" { capabilities = ["deny"] }
    "#;
    for name in ["operator", "kept"] {
        let (status, _) =
            door.root("PUT", &format!("sys/policies/acl/{name}"), &json!({"policy": policy})).await;
        assert_eq!(status, 204);
    }
    let (_, made) = door.root("POST", "auth/token/create", &json!({"policies": ["operator"]})).await;
    let token = made["auth"]["client_token"].as_str().unwrap();
    for (method, path, status) in [
        ("GET", "sys/policies/acl/Operator", 200),
        ("GET", "sys/policies/acl/kept", 403),
        ("GET", "sys/policies/acl/Kept", 403),
        ("PUT", "sys/policies/acl/KEPT", 403),
        ("DELETE", "sys/policies/acl/%E2%84%AAept", 403),
        // To read a mount takes sudo.
        ("GET", "sys/auth/kubernetes", 403),
        ("GET", "sys/auth/kubernetes/", 403),
        ("GET", "sys/auth/%2Fkubernetes", 403),
        ("DELETE", "sys/auth/kubernetes%2F%2F", 403),
        ("GET", "sys/auth/token/tune", 403),
        ("GET", "sys/auth/token%2F/tune", 403),
        ("GET", "sys/auth/token/", 200),
    ] {
        assert_eq!(door.ask(method, path, token, &json!({"policy": ""})).await.0, status, "{method} {path}");
    }
}
