//! The command line of OpenBao, which is Vault's.

use std::process::Command;

use serde_json::{Value, json};

use super::stage::{CLIENTS, Finished, Stage, run};

#[tokio::test]
async fn bao_sets_up_logs_in_lives_and_leaves() {
    let stage = Stage::start("bao").await;
    let mount = stage.mount.as_str();
    let root = async |arguments: &[&str]| bao(stage.command(CLIENTS.join("bao")), arguments).await;

    root(&["status"]).await.ok();
    set_up(&stage).await;
    let mounts = root(&["auth", "list", "-format=json"]).await.json();
    assert_eq!(mounts[&format!("{mount}/")]["type"], "kubernetes");
    let role = format!("auth/{mount}/role");
    assert_eq!(root(&["list", "-format=json", &role]).await.json(), json!(["orders"]));
    let ttl = root(&["read", "-field=token_ttl", &format!("{role}/orders")]).await.ok();
    assert_eq!(ttl, "600");
    assert_eq!(root(&["policy", "read", mount]).await.ok().trim(), stage.policy().trim());

    let login = async |role: &str, token: &str| {
        let (path, jwt) = (format!("auth/{mount}/login"), format!("jwt=@{}", stage.file(token)));
        root(&["write", "-format=json", &path, &format!("role={role}"), &jwt]).await
    };
    let auth = login("orders", "orders.jwt").await.json()["auth"].clone();
    assert_eq!(auth["policies"], json!(["default", mount]));
    assert_eq!(auth["metadata"]["service_account_namespace"], stage.namespace);

    let token = auth["client_token"].as_str().unwrap().to_owned();
    let workload = async |arguments: &[&str]| {
        let mut command = stage.command(CLIENTS.join("bao"));
        command.env("VAULT_TOKEN", &token);
        bao(command, arguments).await
    };
    let looked_up = workload(&["token", "lookup", "-format=json"]).await.json();
    assert_eq!(looked_up["data"]["path"], json!(format!("auth/{mount}/login")));
    let renewed: Value = workload(&["token", "renew", "-format=json", "-increment=20m"]).await.json();
    assert_eq!(renewed["auth"]["lease_duration"], json!(1200));
    assert_eq!(workload(&["token", "capabilities", &format!("{role}/orders")]).await.ok(), "read");
    workload(&["read", &format!("{role}/orders")]).await.ok();
    workload(&["read", &format!("auth/{mount}/config")]).await.refused(403, "permission denied");
    let by_accessor = ["token", "lookup", "-accessor", auth["accessor"].as_str().unwrap()];
    root(&by_accessor).await.ok();

    login("nope", "orders.jwt").await.refused(400, "invalid role name \"nope\"");
    login("orders", "stranger.jwt").await.refused(403, "namespace not authorized");

    workload(&["token", "revoke", "-self"]).await.ok();
    workload(&["token", "lookup"]).await.refused(403, "permission denied");

    root(&["delete", &format!("{role}/orders")]).await.ok();
    login("orders", "orders.jwt").await.refused(400, "invalid role name \"orders\"");
    root(&["policy", "delete", mount]).await.ok();
    root(&["auth", "disable", mount]).await.ok();
}

/// Mount, policy, configuration and the role `orders`.
pub(crate) async fn set_up(stage: &Stage) {
    let mount = stage.mount.as_str();
    let root = async |arguments: &[&str]| bao(stage.command(CLIENTS.join("bao")), arguments).await.ok();
    let write = |name: &str, text: &str| std::fs::write(stage.folder.path().join(name), text).unwrap();
    write("policy.hcl", &stage.policy());
    write("config.json", &stage.config().to_string());
    write("role.json", &stage.role("10m").to_string());

    root(&["auth", "enable", &format!("-path={mount}"), "kubernetes"]).await;
    root(&["policy", "write", mount, &stage.file("policy.hcl")]).await;
    root(&["write", &format!("auth/{mount}/config"), &format!("@{}", stage.file("config.json"))]).await;
    root(&["write", &format!("auth/{mount}/role/orders"), &format!("@{}", stage.file("role.json"))]).await;
}

async fn bao(mut command: Command, arguments: &[&str]) -> Finished {
    command.args(arguments);
    run("bao", command).await
}

impl Finished {
    /// Fails unless the client was answered so.
    #[track_caller]
    fn refused(self, status: u16, sentence: &str) {
        assert!(!self.status.success(), "allowed: {}", self.stdout);
        let told = self.stderr.contains(&format!("Code: {status}")) && self.stderr.contains(sentence);
        assert!(told, "wanted {status} `{sentence}`: {}", self.stderr);
    }
}
