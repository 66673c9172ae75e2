//! What a core asks of its own accord, answered by the real program.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::plugin::wire::pb;
use serde_json::{Value, json};

use crate::core::Core;
use crate::started::Started;
use crate::storage::Storage;

/// `unsupported operation`
const UNSUPPORTED: u32 = 5;

/// The real program with a mount that has one role.
struct Stage {
    _started: Started,
    _storage: Storage,
    core: Core,
}

impl Stage {
    async fn new() -> Self {
        let started = Started::new().await;
        let core = started.connect().await;
        let storage = Storage::serve(&started.identity, &started.certificate(), started.folder.path());
        let role =
            json!({"bound_service_account_names": ["orders"], "bound_service_account_namespaces": ["shop"]});
        storage.entries.lock().unwrap().insert("role/orders".to_owned(), role.to_string().into_bytes());
        core.announce(1, &storage.socket);
        assert_eq!(core.set_up("one", 1).await, "");
        Self { _started: started, _storage: storage, core }
    }

    async fn ask(&self, operation: &str, path: &str, data: &Value) -> pb::HandleRequestReply {
        let request = pb::Request {
            operation: operation.into(),
            path: path.into(),
            data: data.to_string(),
            mount_point: "auth/kubernetes/".into(),
            ..pb::Request::default()
        };
        let args = pb::HandleRequestArgs { request: Some(request) };
        self.core.ask("HandleRequest", "one", args).await.unwrap()
    }

    async fn data(&self, operation: &str, path: &str, data: &Value) -> Value {
        let reply = self.ask(operation, path, data).await;
        serde_json::from_str(&reply.response.unwrap_or_default().data).unwrap()
    }
}

fn token() -> String {
    let claims = json!({
        "exp": 4_000_000_000_u64, "sub": "system:serviceaccount:shop:orders",
        "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "u-1"}},
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    [part(json!({"alg": "RS256"})), part(claims), URL_SAFE_NO_PAD.encode("unsigned")].join(".")
}

/// A core breaks off its caller's connection at a role that is no text.
#[tokio::test]
async fn the_role_of_a_login_is_told_as_a_text_or_not_at_all() {
    let stage = Stage::new().await;
    for role in ["orders", "Orders"] {
        let told = stage.data("resolve-role", "login", &json!({"role": role})).await;
        assert_eq!(told, json!({"role": role}));
    }
    for role in
        [json!(null), json!(""), json!(5), json!(1.5), json!(true), json!(["orders"]), json!({"a": 1})]
    {
        let told = stage.data("resolve-role", "login", &json!({"role": role})).await;
        assert!(told["error"].is_string() && told.get("role").is_none(), "{role}: {told}");
    }
    let told = stage.data("resolve-role", "login", &Value::Null).await;
    assert_eq!(told, json!({"error": "missing role"}));
}

#[tokio::test]
async fn a_look_ahead_at_an_alias_tells_it_and_no_data() {
    let stage = Stage::new().await;
    let reply = stage.ask("alias-lookahead", "login", &json!({"role": "orders", "jwt": token()})).await;
    let response = reply.response.unwrap();
    let auth = response.auth.unwrap();
    assert_eq!((auth.alias.unwrap().name.as_str(), response.data.as_str()), ("u-1", "null"));
    assert!(auth.lease_options.unwrap().issue_time.is_some());
    for jwt in ["", "no token", "a.b.c"] {
        let reply = stage.ask("alias-lookahead", "login", &json!({"role": "orders", "jwt": jwt})).await;
        assert!(reply.response.is_none_or(|response| response.auth.is_none()), "{jwt}");
    }
}

#[tokio::test]
async fn a_roles_path_is_told_in_lower_case_and_no_other() {
    let stage = Stage::new().await;
    for name in ["orders", "ORDERS", "Orders", "not-there"] {
        let told = stage.data("resolve-path", &format!("role/{name}"), &Value::Null).await;
        assert_eq!(told, json!({"path": format!("role/{}", name.to_lowercase())}));
    }
    for path in ["config", "login", "role", "role/", "role/a/b", ""] {
        let reply = stage.ask("resolve-path", path, &Value::Null).await;
        assert_eq!(reply.err.map(|error| error.err_type), Some(UNSUPPORTED), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_for_an_auth_method_is_unsupported() {
    let stage = Stage::new().await;
    for operation in ["rollback", "header", "revoke", "scan", "of-a-later-core"] {
        for path in ["", "config", "role/orders"] {
            let reply = stage.ask(operation, path, &Value::Null).await;
            assert_eq!(reply.err.map(|error| error.err_type), Some(UNSUPPORTED), "{operation} {path}");
            assert!(reply.response.is_none(), "{operation} {path}");
        }
    }
}
