//! A mount changes hands where it stands, between HashiCorp's own plugin and the program, and back.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::{bao_core::BaoCore, eventually, process::script};

/// HashiCorp's plugin, built from its Go module.
static HASHICORPS: LazyLock<String> = LazyLock::new(|| script("get-hashicorp-plugin.sh"));

const OURS: &str = concat!("v", env!("CARGO_PKG_VERSION"));
const THEIRS: &str = "v0.24.1";

/// What a mount holds, as its plugin reads it.
#[derive(Debug, PartialEq)]
struct Read {
    config: Value,
    roles: Vec<(String, Value)>,
}

/// Both registered under one name, by the commands of `docs/plugin.md`, and the mount in the hands of `first`.
async fn held_by(first: &str) -> Stage {
    let core = BaoCore::start().await;
    let theirs = Path::new(HASHICORPS.as_str());
    let name = theirs.file_name().unwrap().to_str().unwrap();
    let commands = [
        (OURS, BaoCore::sha256(), "-command=rolegate -args=plugin".to_owned()),
        (THEIRS, core.bring(theirs), format!("-command={name}")),
    ];
    for (version, digest, command) in commands {
        let (digest, version) = (format!("-sha256={digest}"), format!("-version={version}"));
        let words = ["plugin", "register", &digest, &version].into_iter().chain(command.split(' '));
        core.cli(&words.chain(["auth", "kubernetes"]).collect::<Vec<_>>()).await;
    }
    core.cli(&["auth", "enable", &format!("-plugin-version={first}"), "kubernetes"]).await;
    let stage = Stage::at_the_mount_of(core).await;
    is_held_by(&stage, first).await;
    stage
}

async fn hand_over(stage: &Stage, to: &str) {
    stage.core.cli(&["auth", "tune", &format!("-plugin-version={to}"), "kubernetes/"]).await;
    stage.core.cli(&["plugin", "reload", "-mounts=auth/kubernetes"]).await;
    is_held_by(stage, to).await;
}

async fn is_held_by(stage: &Stage, version: &str) {
    let mounts: Value = stage.core.done("GET", "sys/auth", None).await.json();
    assert_eq!(mounts["data"]["kubernetes/"]["running_plugin_version"], json!(version), "{mounts}");
    eventually("the end of the other", async || (stage.core.plugins().len() == 1).then_some(())).await;
}

async fn data(stage: &Stage, method: &str, path: &str) -> Value {
    let answer: Value = stage.core.done(method, &format!("auth/kubernetes/{path}"), None).await.json();
    answer["data"].clone()
}

async fn read(stage: &Stage) -> Read {
    let mut roles = Vec::new();
    for name in data(stage, "LIST", "role").await["keys"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        roles.push((name.to_owned(), data(stage, "GET", &format!("role/{name}")).await));
    }
    Read { config: data(stage, "GET", "config").await, roles }
}

/// Every field, also by the names that roles had before `token_ttl` and its like.
async fn write_roles(stage: &Stage, number: u32) {
    let account =
        json!({"bound_service_account_names": "*", "bound_service_account_namespaces": stage.namespace});
    let old = json!({"policies": ["a", "b"], "ttl": 600, "max_ttl": "20m", "num_uses": 3, "bound_cidrs": "127.0.0.1"});
    let period = json!({"period": 120, "audience": "", "alias_name_source": "serviceaccount_name"});
    let new = json!({
        "token_policies": "b", "token_ttl": "10m", "token_max_ttl": "1h", "token_explicit_max_ttl": 7200,
        "token_no_default_policy": true, "token_bound_cidrs": "127.0.0.1/32", "token_type": "batch",
        "alias_metadata": {"team": "shop"},
    });
    let selects = json!({"bound_service_account_namespace_selector": r#"{"matchLabels":{"team":"shop"}}"#});
    for (name, fields) in [("old", old), ("Period", period), ("new", new), ("selects", selects)] {
        let mut role = account.clone();
        role.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let path = format!("auth/kubernetes/role/{name}-{number}");
        stage.core.done("POST", &path, Some(role)).await;
    }
}

async fn renewed(stage: &Stage, token: &str) -> Value {
    let answer = stage.core.ask_as(token, "POST", "auth/token/renew-self", None, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Value>()["auth"]["lease_duration"].clone()
}

async fn there_and_back(first: &str, second: &str) {
    let stage = held_by(first).await;
    write_roles(&stage, 1).await;
    let at_first = stage.client_token("orders").await;
    let written = read(&stage).await;
    assert_eq!(written.roles.len(), 5, "{written:?}");

    hand_over(&stage, second).await;
    assert_eq!(read(&stage).await, written);
    assert_eq!(renewed(&stage, &at_first).await, json!(3600));
    let at_second = stage.client_token("orders").await;
    write_roles(&stage, 2).await;
    stage.core.done("POST", "auth/kubernetes/role/orders", Some(json!({"token_ttl": "2h"}))).await;
    stage.core.done("DELETE", "auth/kubernetes/role/selects-1", None).await;
    let written = read(&stage).await;
    assert_eq!(written.roles.len(), 8, "{written:?}");

    hand_over(&stage, first).await;
    assert_eq!(read(&stage).await, written);
    for token in [&at_first, &at_second] {
        assert_eq!(renewed(&stage, token).await, json!(7200));
    }
    stage.client_token("period-2").await;
    stage.configure("kubernetes").await;
    assert_eq!(read(&stage).await, written);
}

#[tokio::test]
async fn a_mount_of_hashicorps_plugin_is_taken_over_and_given_back() {
    there_and_back(THEIRS, OURS).await;
}

#[tokio::test]
async fn a_mount_of_ours_is_handed_to_hashicorps_plugin_and_taken_back() {
    there_and_back(OURS, THEIRS).await;
}
