//! The rolegate under attack: a process of its own, and what `/proc` says of it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

/// The memory limit of the manifests (kind/base), in MiB.
pub(crate) const MEMORY_LIMIT_MIB: u64 = 768;

pub(crate) struct Server {
    child: Child,
    _folder: tempfile::TempDir,
    pub(crate) envoy: String,
    pub(crate) vault: String,
    pub(crate) ops: String,
}

pub(crate) struct Setup<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) kubernetes_host: &'a str,
    pub(crate) reviewer: &'a str,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) local_keys: &'a str,
    /// The mount's cluster is rolegate's own, whose deletions it watches.
    pub(crate) churn: bool,
}

impl Server {
    pub(crate) fn start(setup: Setup<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = json!({
            "kubernetes_host": setup.kubernetes_host, "token_reviewer_jwt": setup.reviewer,
            "disable_local_ca_jwt": true,
        });
        if let Some(file) = &setup.ca_file {
            config["kubernetes_ca_cert_file"] = json!(file);
        }
        let role = |account: &str| json!({"bound_service_account_names": [account], "bound_service_account_namespaces": ["shop"]});
        let store = json!({"mounts": {"kubernetes": {"config": config, "roles": {"orders": role("orders"), "any": role("*")}}}});
        let settings = json!({
            "envoy": {"listen": "127.0.0.1:0"}, "vault": {"listen": "127.0.0.1:0"}, "ops": {"listen": "127.0.0.1:0"},
            "store": {"type": "file", "path": "store.yaml"}, "review": {"local_keys": setup.local_keys},
            "shutdown": {"lame_duck": "0s"},
        });
        std::fs::write(folder.path().join("store.yaml"), store.to_string()).unwrap();
        let file = folder.path().join("rolegate.yaml");
        std::fs::write(&file, settings.to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(setup.binary);
        command.arg("server").arg("--config").arg(&file);
        command.env_remove("KUBERNETES_SERVICE_HOST").env_remove("KUBECONFIG");
        command.env("ROLEGATE_ROOT_TOKEN", "root-token-of-the-benchmark");
        if setup.churn {
            let kubeconfig = json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": setup.kubernetes_host}}],
                "users": [{"name": "u", "user": {"token": "rolegate"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            });
            std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
            command.env("KUBECONFIG", folder.path().join("kubeconfig"));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready "), "rolegate did not start");
        let at = |name: &str| {
            let word = ready.trim().split(' ').find_map(|word| word.strip_prefix(name)).unwrap();
            word.trim_start_matches("http://").to_owned()
        };
        Self { child, _folder: folder, envoy: at("envoy="), vault: at("vault="), ops: at("ops=") }
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}

/// Busy and all time of the machine's processors so far, in ticks.
pub(crate) fn processors() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<u64> =
        stat.lines().next().unwrap().split_whitespace().skip(1).map(|field| field.parse().unwrap()).collect();
    let idle = fields[3] + fields[4];
    let all: u64 = fields.iter().take(8).sum();
    (all - idle, all)
}
