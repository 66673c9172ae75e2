//! What every client finds: a Vault door over TLS, a cluster with two accounts, and their tokens in files.
//!
//! `VAULT_CLIENTS_ADDR=https://127.0.0.1:8200` (with `VAULT_CLIENTS_TOKEN`, the root token, and `VAULT_CLIENTS_CACERT`) has
//! the clients meet a server that already runs, such as a real Vault, instead.
#![expect(clippy::disallowed_methods, reason = "a run against another server is steered by the environment")]

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    certificates::Authority,
    kube::KubeApiserver,
    process::{Process, command_of, script},
    rolegate::Rolegate,
};

const ROOT: &str = "root";

/// Where the clients are.
pub(crate) static CLIENTS: LazyLock<PathBuf> = LazyLock::new(|| script("get-clients.sh").into());

/// What runs, and what a client is told of it.
pub(crate) struct Stage {
    /// The server's URL.
    pub(crate) url: String,
    pub(crate) root: String,
    /// The path of the mount, and the name of its policy; no other test has it.
    pub(crate) mount: String,
    /// The namespace of the account `orders`.
    pub(crate) namespace: String,
    /// The API server's URL.
    pub(crate) kube: String,
    /// `ca.crt` of the API server, `reviewer.jwt`, `orders.jwt`, `stranger.jwt` (of another namespace).
    pub(crate) folder: TempDir,
    /// The file with the CA of the server, where it speaks TLS.
    pub(crate) server_ca: Option<String>,
    _rolegate: Option<Rolegate>,
}

/// How a client ended.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    /// A stage of its own for the client of this name.
    pub(crate) async fn start(client: &str) -> Self {
        let api = KubeApiserver::shared().await;
        let (namespace, elsewhere) = (api.namespace(&[]).await, api.namespace(&[]).await);
        for namespace in [&namespace, &elsewhere] {
            api.service_account(namespace, "orders").await;
        }
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.crt", api.ca_pem());
        write("reviewer.jwt", &api.reviewer(&namespace).await);
        write("orders.jwt", &api.token(&namespace, "orders", &[], 3600).await);
        write("stranger.jwt", &api.token(&elsewhere, "orders", &[], 3600).await);
        let variable = |name| std::env::var(name).ok();
        let (url, server_ca, rolegate) = match variable("VAULT_CLIENTS_ADDR") {
            Some(url) => (url, variable("VAULT_CLIENTS_CACERT"), None),
            None => {
                let (rolegate, ca) = rolegate(folder.path()).await;
                (format!("https://{}", rolegate.vault()), Some(ca), Some(rolegate))
            }
        };
        Self {
            url,
            root: variable("VAULT_CLIENTS_TOKEN").unwrap_or(ROOT.to_owned()),
            server_ca,
            mount: format!("kubernetes-{client}-{:08x}", getrandom::u32().unwrap()),
            namespace,
            kube: api.url(),
            folder,
            _rolegate: rolegate,
        }
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The text of a file of the folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The policy of the mount's name: it may read the role `orders`.
    pub(crate) fn policy(&self) -> String {
        format!("path \"auth/{}/role/orders\" {{ capabilities = [\"read\"] }}\n", self.mount)
    }

    /// The mount's configuration.
    pub(crate) fn config(&self) -> Value {
        json!({
            "kubernetes_host": self.kube,
            "kubernetes_ca_cert": self.text("ca.crt"),
            "token_reviewer_jwt": self.text("reviewer.jwt"),
        })
    }

    /// A role of `orders` with the mount's policy.
    pub(crate) fn role(&self, ttl: &str) -> Value {
        json!({
            "bound_service_account_names": ["orders"],
            "bound_service_account_namespaces": [self.namespace],
            "token_policies": [self.mount],
            "token_ttl": ttl,
        })
    }

    /// A client's command, with what it reads from its environment; none of this process's own gets in its way.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = command_of(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["VAULT_", "BAO_", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"]
                .iter()
                .any(|ours| name.starts_with(ours))
            {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.folder.path())
            .env("VAULT_ADDR", &self.url)
            .env("VAULT_TOKEN", &self.root)
            .env("MOUNT", &self.mount)
            .env("NAMESPACE", &self.namespace)
            .env("KUBE_HOST", &self.kube)
            .env("KUBE_CA_FILE", self.file("ca.crt"))
            .env("REVIEWER_JWT_FILE", self.file("reviewer.jwt"))
            .env("JWT_FILE", self.file("orders.jwt"))
            .env("STRANGER_JWT_FILE", self.file("stranger.jwt"))
            .envs(self.server_ca.as_ref().map(|ca| ("VAULT_CACERT", ca)));
        command
    }
}

/// Runs a client to its end.
pub(crate) async fn run(name: &'static str, command: Command) -> Finished {
    let process = Process::spawn(name, command);
    let stdout = process.stdout.to_end().await.join("\n");
    let stderr = process.stderr.to_end().await.join("\n");
    Finished { status: process.wait_exit().await, stdout, stderr }
}

impl Finished {
    /// What it printed; a client that failed fails the test.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.status.success(), "{}: {}{}", self.status, self.stdout, self.stderr);
        self.stdout
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// A Vault door over TLS with nothing in its store, and the file with the CA to trust.
async fn rolegate(folder: &Path) -> (Rolegate, String) {
    let authority = Authority::new();
    authority.server(&["127.0.0.1"]).write_to(&folder.join("server"));
    let ca = folder.join("server/ca.crt");
    std::fs::write(&ca, &authority.pem).unwrap();
    let config = json!({
        "vault": {
            "listen": "127.0.0.1:0",
            "tls": { "cert_file": folder.join("server/tls.crt"), "key_file": folder.join("server/tls.key") },
        },
        "ops": { "listen": "127.0.0.1:0" },
        "store": { "type": "memory" },
        "shutdown": { "lame_duck": "0s" },
    });
    let rolegate = Rolegate::server_with(&config.to_string(), &[("ROLEGATE_ROOT_TOKEN", ROOT)]).await;
    (rolegate, ca.to_str().unwrap().to_owned())
}
