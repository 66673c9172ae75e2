//! Registered by its digest, enabled, reloaded, disabled.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{bao_core::BaoCore, eventually};

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

#[tokio::test]
async fn it_is_registered_by_its_digest_and_shadows_the_built_in_method_of_the_name() {
    let core = BaoCore::start().await;
    let registered = json!({"sha256": BaoCore::sha256(), "command": "rolegate", "args": ["plugin"]});
    core.done("PUT", "sys/plugins/catalog/auth/kubernetes", Some(registered)).await;
    let path = format!("sys/plugins/catalog/auth/kubernetes?version={VERSION}");
    let known: Value = core.done("GET", &path, None).await.json();
    assert_eq!(known["data"]["sha256"], json!(BaoCore::sha256()));
    assert_eq!((&known["data"]["args"], &known["data"]["builtin"]), (&json!(["plugin"]), &json!(false)));

    for mount in ["first", "second"] {
        core.done("POST", &format!("sys/auth/{mount}"), Some(json!({"type": "kubernetes"}))).await;
    }
    let mounts: Value = core.done("GET", "sys/auth", None).await.json();
    for mount in ["first/", "second/"] {
        assert_eq!(mounts["data"][mount]["running_plugin_version"], json!(VERSION), "{mounts}");
        assert_eq!(mounts["data"][mount]["running_sha256"], json!(BaoCore::sha256()), "{mounts}");
    }
    assert_eq!(core.plugins().len(), 1, "one process for both mounts");

    core.done("PUT", "sys/plugins/reload/backend", Some(json!({"plugin": "kubernetes"}))).await;
    for mount in ["first", "second"] {
        let answer = core.ask("GET", &format!("auth/{mount}/nothing-there"), None).await;
        assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.text());
    }
    core.done("DELETE", "sys/auth/first", None).await;
    let answer = core.ask("GET", "auth/second/nothing-there", None).await;
    assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.text());
    assert_eq!(core.plugins().len(), 1);
    core.done("DELETE", "sys/auth/second", None).await;
    core.no_plugin_runs().await;
    core.no_socket_is_left().await;
}

#[tokio::test]
async fn a_file_of_another_digest_is_not_started() {
    let core = BaoCore::start().await;
    let wrong = json!({"sha256": "00".repeat(32), "command": "rolegate", "args": ["plugin"]});
    core.ask("PUT", "sys/plugins/catalog/auth/wrong", Some(wrong)).await;
    let refused = core.ask("POST", "sys/auth/wrong", Some(json!({"type": "wrong"}))).await;
    assert!(refused.text().contains("checksums did not match"), "{}", refused.text());
    assert_eq!(core.plugins(), Vec::<u32>::new());
}

#[tokio::test]
async fn what_it_says_to_type_when_started_by_hand_is_what_works() {
    let core = BaoCore::start().await;
    let program = core.plugin_directory().join("rolegate");
    let by_hand = Command::new(program).arg("plugin").output().unwrap();
    assert_eq!(by_hand.status.code(), Some(1));
    let said = String::from_utf8(by_hand.stderr).unwrap();
    let commands: Vec<&str> = said.lines().filter_map(|line| line.trim().strip_prefix("bao ")).collect();
    assert_eq!(commands.len(), 2, "{said}");
    for command in commands {
        core.cli(&command.split(' ').collect::<Vec<_>>()).await;
    }
    assert_eq!(core.plugins().len(), 1);
    core.cli(&["auth", "disable", "kubernetes"]).await;
    core.no_plugin_runs().await;
}

#[tokio::test]
async fn a_link_beside_it_by_another_name_starts_it_without_arguments() {
    let core = BaoCore::start().await;
    let name = "vault-plugin-auth-kubernetes";
    symlink("rolegate", core.plugin_directory().join(name)).unwrap();
    let registered = json!({"sha256": BaoCore::sha256(), "command": name});
    core.done("PUT", "sys/plugins/catalog/auth/kubernetes", Some(registered)).await;
    core.done("POST", "sys/auth/kubernetes", Some(json!({"type": "kubernetes"}))).await;
    assert_eq!(core.plugins().len(), 1);
}

#[tokio::test]
async fn its_log_is_part_of_the_cores() {
    let core = BaoCore::start_with(&[("RUST_LOG", "trace")]).await;
    core.done("POST", "sys/auth/one", Some(json!({"type": "rolegate"}))).await;
    // The core writes down what the plugin says a moment later.
    let log = eventually("the plugin's line in the log", async || {
        let log = core.log();
        log.contains("serving a core").then_some(log)
    })
    .await;
    let line = log.lines().find(|line| line.contains("serving a core")).expect(&log);
    assert!(line.contains("[INFO]"), "{line}");
    assert!(line.contains(&format!("version={}", env!("CARGO_PKG_VERSION"))), "{line}");
    for line in log.lines().filter(|line| line.contains("rolegate::")) {
        assert!(!line.contains("[DEBUG]") && !line.contains("[TRACE]"), "{line}");
    }
}
