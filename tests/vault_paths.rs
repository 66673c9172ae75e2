//! The Vault door of `rolegate dev`: what its paths answer where no recording tells it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

pub mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Config};
use serde_json::{Value, json};
use support::http::Client;
use support::rolegate::Rolegate;

struct Door {
    rolegate: Rolegate,
    client: Client,
}

impl Door {
    async fn open() -> Self {
        let rolegate = Rolegate::dev().await;
        let client = Client::http1(rolegate.vault());
        Self { rolegate, client }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.send(method, path, &[("x-vault-token", token)], body).await
    }

    async fn root(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(method, path, "root", body).await
    }

    /// Wraps the root token's own lookup.
    async fn wrapped(&self) -> String {
        let headers = [("x-vault-token", "root"), ("x-vault-wrap-ttl", "60")];
        let (_, made) = self.send("GET", "auth/token/lookup-self", &headers, &Value::Null).await;
        made["wrap_info"]["token"].as_str().unwrap().to_owned()
    }

    /// A login of `shop/orders`.
    async fn login(&self) -> Value {
        let kubeconfig = Kubeconfig::read_from(self.rolegate.said("kubeconfig").unwrap()).unwrap();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        // The machine's proxy is for elsewhere.
        config.proxy_url = None;
        let api = Api::<ServiceAccount>::namespaced(kube::Client::try_from(config).unwrap(), "shop");
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let made = api.create_token_request("orders", &Default::default(), &request).await.unwrap();
        let body = json!({"role": "orders", "jwt": made.status.unwrap().token});
        let (status, answer) = self.send("POST", "auth/kubernetes/login", &[], &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["auth"].clone()
    }
}

fn listed(text: &str) -> String {
    format!("1 error occurred:\n\t* {text}\n\n")
}

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
