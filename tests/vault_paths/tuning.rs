//! How mounts are tuned.

use serde_json::{Value, json};

use super::door::Door;

#[tokio::test]
async fn a_mount_is_tuned_within_its_bounds_and_that_of_tokens_too() {
    let door = Door::open().await;
    let (bounds, no) =
        ("backend max lease TTL of 7200 would be less than backend default lease TTL of 10800", "");
    let kind = "'token_type' cannot be set for 'token' or 'ns_token' auth mounts";
    for (path, body, status, text) in [
        ("sys/auth/token/tune", json!({"max_lease_ttl": "2h"}), 204, no),
        ("sys/auth/token/tune", json!({"default_lease_ttl": "3h"}), 400, bounds),
        (
            "sys/mounts/auth/token/tune",
            json!({"default_lease_ttl": 3600, "listing_visibility": "unauth"}),
            204,
            no,
        ),
        ("sys/auth/token/tune", json!({"default_lease_ttl": "x"}), 400, "time: invalid duration \"x\""),
        ("sys/auth/token/tune", json!({"token_type": "service"}), 400, kind),
        ("sys/auth/token/tune", json!({}), 204, no),
        ("sys/auth/kubernetes/tune", json!({"default_lease_ttl": "1000h"}), 204, no),
        ("sys/auth/kubernetes/tune", json!({"default_lease_ttl": "3h", "max_lease_ttl": "2h"}), 400, bounds),
        (
            "sys/auth/kubernetes/tune",
            json!({"user_lockout_config": {"lockout_threshold": "3"}}),
            400,
            "tuning of user lockout configuration for auth type \"kubernetes\" not allowed",
        ),
        (
            "sys/auth/other",
            json!({"type": "kubernetes", "config": {"default_lease_ttl": "3h", "max_lease_ttl": "2h"}}),
            400,
            "given default lease TTL greater than given max lease TTL",
        ),
        (
            "sys/auth/other",
            json!({"type": "kubernetes", "config": {"default_lease_ttl": "769h"}}),
            400,
            "given default lease TTL greater than system max lease TTL of 2764800",
        ),
    ] {
        let (got, answer) = door.root("POST", path, &body).await;
        assert_eq!((got, answer["errors"][0].as_str().unwrap_or_default()), (status, text), "{path} {body}");
    }
    let (_, tuned) = door.root("GET", "sys/auth/token/tune", &Value::Null).await;
    let shown = ["default_lease_ttl", "max_lease_ttl", "description"].map(|key| tuned["data"][key].clone());
    assert_eq!(shown, [json!(3600), json!(7200), json!("token based credentials")]);
    let (_, open) = door.send("GET", "sys/internal/ui/mounts", &[], &Value::Null).await;
    let token = json!({"description": "token based credentials", "options": null, "type": "token"});
    assert_eq!(open["data"]["auth"], json!({"token/": token}));
    for (body, ttl) in
        [(json!({"policies": ["default"]}), 3600), (json!({"policies": ["default"], "ttl": "9h"}), 7200)]
    {
        let (_, made) = door.root("POST", "auth/token/create", &body).await;
        assert_eq!(made["auth"]["lease_duration"], json!(ttl), "{body}");
    }
}

#[tokio::test]
async fn a_tuning_leaves_alone_what_it_does_not_name_as_the_command_line_client_writes_it() {
    let door = Door::open().await;
    for body in [
        json!({"default_lease_ttl": "1h", "max_lease_ttl": "2h", "options": {"a": "b", "c": "d"}}),
        // `vault auth tune -description=eu`
        json!({"default_lease_ttl": "", "max_lease_ttl": "", "force_no_cache": false, "options": null, "description": "eu"}),
        json!({"options": {"a": "", "e": "f"}}),
    ] {
        assert_eq!(door.root("POST", "sys/auth/kubernetes/tune", &body).await.0, 204, "{body}");
    }
    let (_, tuned) = door.root("GET", "sys/auth/kubernetes/tune", &Value::Null).await;
    let shown = ["default_lease_ttl", "max_lease_ttl", "description", "options"]
        .map(|key| tuned["data"][key].clone());
    assert_eq!(shown, [json!(3600), json!(7200), json!("eu"), json!({"c": "d", "e": "f"})]);
}
