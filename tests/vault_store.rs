//! An embedded store behind the Vault door: first start, restarts, kills, copies, and who else wants it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

pub mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use support::http::Client;
use support::rolegate::Rolegate;

fn config(store: &Path) -> String {
    format!(
        "{{vault: {{listen: '127.0.0.1:0'}}, ops: {{listen: '127.0.0.1:0'}}, \
         store: {{type: embedded, path: '{}'}}, shutdown: {{lame_duck: 0s, grace: 5s}}}}",
        store.display()
    )
}

struct Server {
    rolegate: Rolegate,
    client: Client,
    root: String,
}

impl Server {
    async fn start(store: &Path) -> Self {
        let rolegate = Rolegate::server(&config(store)).await;
        let client = Client::http1(rolegate.vault());
        let root = std::fs::read_to_string(store.join("root-token")).unwrap().trim().to_owned();
        Self { rolegate, client, root }
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(path).header("x-vault-token", token);
        let answer = self.client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    async fn root(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask(method, path, &self.root, body).await
    }

    /// A role, a policy and a token that were acknowledged.
    async fn fill(&self) -> String {
        assert_eq!(self.root("POST", "/v1/sys/auth/kubernetes", json!({"type": "kubernetes"})).await.0, 204);
        let role = json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b", "audience": "x"});
        assert_eq!(self.root("POST", "/v1/auth/kubernetes/role/orders", role).await.0, 204);
        let policy = json!({"policy": "path \"sys/auth\" { capabilities = [\"read\"] }"});
        assert_eq!(self.root("PUT", "/v1/sys/policies/acl/reader", policy).await.0, 204);
        let (status, made) =
            self.root("POST", "/v1/auth/token/create", json!({"policies": ["reader"]})).await;
        assert_eq!(status, 200, "{made}");
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    async fn assert_filled(&self, token: &str) {
        assert_eq!(self.root("GET", "/v1/auth/kubernetes/role/orders", Value::Null).await.0, 200);
        assert_eq!(self.root("GET", "/v1/sys/policies/acl/reader", Value::Null).await.0, 200);
        assert_eq!(self.ask("GET", "/v1/sys/auth", token, Value::Null).await.0, 200);
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill_and_the_root_token_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let server = Server::start(&store).await;
    let mode = std::fs::metadata(store.join("root-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (token, root) = (server.fill().await, server.root.clone());
    server.rolegate.process.kill();
    drop(server);
    let again = Server::start(&store).await;
    assert_eq!(again.root, root);
    again.assert_filled(&token).await;
}

#[tokio::test]
async fn a_revoked_root_token_stays_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let server = Server::start(&store).await;
    assert_eq!(server.root("POST", "/v1/auth/token/revoke-self", Value::Null).await.0, 204);
    drop(server);
    let again = Server::start(&store).await;
    assert_eq!(again.root("GET", "/v1/sys/auth", Value::Null).await.0, 403);
}

#[tokio::test]
async fn a_copy_of_a_running_store_makes_the_same_store_and_a_damaged_one_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let (store, restored) = (folder.path().join("store"), folder.path().join("restored"));
    let server = Server::start(&store).await;
    let token = server.fill().await;
    let copy = json!({"name": "tonight"});
    assert_eq!(server.ask("POST", "/v1/sys/storage/backup", &token, copy.clone()).await.0, 403);
    let (status, made) = server.root("POST", "/v1/sys/storage/backup", copy.clone()).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(server.root("POST", "/v1/sys/storage/backup", copy).await.0, 400, "the name is taken");
    assert_eq!(server.root("POST", "/v1/sys/storage/backup", json!({"name": "../x"})).await.0, 400);
    let file = made["data"]["file"].as_str().unwrap().to_owned();
    let root = server.root.clone();
    drop(server);

    let damaged = folder.path().join("damaged");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let to = |copy: &str| {
        [
            "restore".to_owned(),
            "--copy".to_owned(),
            copy.to_owned(),
            "--to".to_owned(),
            restored.display().to_string(),
        ]
    };
    let run = |copy: String| async move {
        let arguments = to(&copy);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Rolegate::run(&arguments).await
    };
    let refused = run(damaged.display().to_string()).await;
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    let good = run(file).await;
    assert_eq!(good.status.code(), Some(0), "{}", good.stderr);

    // The root token's file is not part of the store.
    std::fs::write(restored.join("root-token"), root).unwrap();
    Server::start(&restored).await.assert_filled(&token).await;
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let _holder = Server::start(&store).await;
    let file = folder.path().join("second.yaml");
    std::fs::write(&file, config(&store)).unwrap();
    let second = Rolegate::run(&["server", "--config", file.to_str().unwrap()]).await;
    assert_eq!(second.status.code(), Some(2));
    assert!(second.stderr.contains("held by another process"), "{}", second.stderr);
}
