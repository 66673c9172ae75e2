//! An embedded store behind the Vault door: first start, restarts, kills, copies, and who else wants it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

pub mod support;

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use support::embedded::{Server, config};
use support::rolegate::Rolegate;

impl Server {
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
async fn the_clusters_id_and_what_tokens_are_tuned_to_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let server = Server::start(&store).await;
    let (_, health) = server.ask("GET", "/v1/sys/health", "", Value::Null).await;
    let id = health["cluster_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36, "{health}");
    let leases = json!({"default_lease_ttl": "1h", "max_lease_ttl": "2h", "description": "mine"});
    assert_eq!(server.root("POST", "/v1/sys/auth/token/tune", leases).await.0, 204);
    drop(server);
    let again = Server::start(&store).await;
    for path in ["/v1/sys/health", "/v1/sys/seal-status"] {
        assert_eq!(again.ask("GET", path, "", Value::Null).await.1["cluster_id"], json!(id), "{path}");
    }
    let (_, tuned) = again.root("GET", "/v1/sys/mounts/auth/token/tune", Value::Null).await;
    let shown = ["default_lease_ttl", "max_lease_ttl", "description"].map(|key| &tuned["data"][key]);
    assert_eq!(shown, [&json!(3600), &json!(7200), &json!("mine")]);
    let (_, made) =
        again.root("POST", "/v1/auth/token/create", json!({"policies": ["default"], "ttl": "5h"})).await;
    assert_eq!(made["auth"]["lease_duration"], json!(7200), "{made}");
    let other = Server::start(&folder.path().join("other")).await;
    let (_, health) = other.ask("GET", "/v1/sys/health", "", Value::Null).await;
    assert_ne!(health["cluster_id"], json!(id));
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

const KEY: &str = "ROLEGATE_STORE_KEY";

#[tokio::test]
async fn a_lost_or_changed_key_is_told_in_words_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("store"), folder.path().join("rolegate.yaml"));
    std::fs::write(&file, config(&store)).unwrap();
    let (first, second) = ("a1".repeat(32), "b2".repeat(32));
    let server = Server::start_with(&store, &[(KEY, &first)]).await;
    let token = server.fill().await;
    drop(server);
    let arguments = ["server", "--config", file.to_str().unwrap()];
    for (variables, expected) in [
        (vec![], "is sealed, expected its key in `store.key_file` or `ROLEGATE_STORE_KEY`"),
        (vec![(KEY, second.as_str())], "is sealed with another key"),
        (vec![(KEY, "short")], "ROLEGATE_STORE_KEY"),
    ] {
        let refused = Rolegate::run_with(&arguments, &variables).await;
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        assert!(!refused.stderr.contains("b2b2"), "{}", refused.stderr);
    }
    Server::start_with(&store, &[(KEY, &first)]).await.assert_filled(&token).await;
}

#[tokio::test]
async fn a_key_that_is_given_later_seals_what_is_there_and_is_needed_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("store"), folder.path().join("rolegate.yaml"));
    std::fs::write(&file, config(&store)).unwrap();
    let server = Server::start(&store).await;
    let token = server.fill().await;
    let config = json!({
        "kubernetes_host": "https://cluster.test", "token_reviewer_jwt": "ey.reviewer.jwt", "disable_local_ca_jwt": true,
    });
    assert_eq!(server.root("POST", "/v1/auth/kubernetes/config", config).await.0, 204);
    assert!(server.rolegate.wait_for_log("no store key is given").await.contains("WARN"));
    drop(server);
    let key = "a1".repeat(32);
    let sealed = Server::start_with(&store, &[(KEY, &key)]).await;
    sealed.assert_filled(&token).await;
    let (_, read) = sealed.root("GET", "/v1/auth/kubernetes/config", Value::Null).await;
    assert_eq!(read["data"]["token_reviewer_jwt_set"], json!(true), "{read}");
    let (status, made) = sealed.root("POST", "/v1/sys/storage/backup", json!({"name": "sealed"})).await;
    assert_eq!(status, 200, "{made}");
    let copy = std::fs::read(made["data"]["file"].as_str().unwrap()).unwrap();
    assert!(!copy.windows(15).any(|bytes| bytes == b"ey.reviewer.jwt"));
    drop(sealed);
    let refused = Rolegate::run(&["server", "--config", file.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    Server::start_with(&store, &[(KEY, &key)]).await.assert_filled(&token).await;
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
    assert!(refused.stderr.contains(damaged.to_str().unwrap()), "{}", refused.stderr);
    let good = run(file).await;
    assert_eq!(good.status.code(), Some(0), "{}", good.stderr);

    // The root token's file is not part of the store; the token is.
    let without = Rolegate::server(&config(&restored)).await;
    without.wait_for_log("only tokens that are in the store administer").await;
    drop(without);
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
