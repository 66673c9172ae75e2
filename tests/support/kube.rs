//! The real kube-apiserver 1.20 with its etcd: RBAC, TokenRequest, TokenReview, no controllers.

mod objects;
mod tokens;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use kube::{Client, Config};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub use self::tokens::{Signer, unverified_claims};
use super::{
    certificates::Authority,
    process::{Process, command_of, free_port, script},
};

/// Its `--service-account-issuer`, and its only `--api-audiences`.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// A static user in `system:masters`.
pub const ADMIN: &str = "admin";
/// A static user without any right but those of everybody; see `allow_reviews_of_user`.
pub const REVIEWER: &str = "reviewer";

/// An API server of the test; it and its etcd end with it.
#[derive(Debug)]
pub struct KubeApiserver {
    /// What signs service-account tokens here.
    pub signer: Signer,
    authority: Authority,
    port: u16,
    etcd_port: u16,
    server: Mutex<Process>,
    etcd: Process,
    folder: TempDir,
}

impl KubeApiserver {
    /// One for all tests of a file. Work in a `namespace` of your own, and stop only one that you started.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<KubeApiserver> = OnceCell::const_new();
        let shared = SHARED.get_or_init(Self::start).await;
        shared.server().must_run();
        shared
    }

    /// A new one, ready to serve; takes some seconds.
    pub async fn start() -> Self {
        let folder = folder();
        let (authority, signer) = (Authority::new(), Signer::new());
        authority.server(&["127.0.0.1", "localhost", "kubernetes.default.svc"]).write_to(folder.path());
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("sa.key", &signer.private_pem());
        write("sa.pub", &signer.public_pem());
        let users = format!(
            "{0},{ADMIN},1,system:masters\n{1},{REVIEWER},2\n",
            static_token(ADMIN),
            static_token(REVIEWER)
        );
        write("users.csv", &users);

        let (port, etcd_port) = (free_port(), free_port());
        let etcd = Process::spawn("etcd", etcd_command(folder.path(), etcd_port));
        wait_for_etcd(&etcd, etcd_port).await;
        let server = Process::spawn("kube-apiserver", server_command(folder.path(), port, etcd_port));
        let started = Self { signer, authority, port, etcd_port, server: Mutex::new(server), etcd, folder };
        started.wait_ready().await;
        started
    }

    /// `https://127.0.0.1:PORT`; the same after a restart.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The CA of its certificate.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The bearer of `ADMIN` or `REVIEWER`, or of a user that does not exist.
    pub fn token_of_user(&self, user: &str) -> String {
        static_token(user)
    }

    /// A client that may do everything; belongs to the runtime of the caller.
    pub fn client(&self) -> Client {
        self.client_with(&static_token(ADMIN))
    }

    /// A client with this bearer; it asks once, without retries.
    pub fn client_with(&self, token: &str) -> Client {
        let mut config = Config::new(self.url().parse().unwrap());
        config.root_cert =
            Some(vec![CertificateDer::from_pem_slice(self.ca_pem().as_bytes()).unwrap().to_vec()]);
        config.auth_info.token = Some(token.to_owned().into());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// Kills the server; its etcd stays.
    pub fn stop(&self) {
        self.server().kill();
    }

    /// Lets it hang: connections are taken, nothing is answered.
    pub async fn hang(&self) {
        self.server().signal("STOP");
        super::eventually("kube-apiserver hangs", async || self.server().is_stopped().then_some(())).await;
    }

    /// Ends `hang`.
    pub fn go_on(&self) {
        self.server().signal("CONT");
    }

    /// Starts it again after `stop`, on the same port, with all that it knew.
    pub async fn restart(&self) {
        let command = server_command(self.folder.path(), self.port, self.etcd_port);
        *self.server() = Process::spawn("kube-apiserver", command);
        self.wait_ready().await;
    }

    /// The value of `result`; an error fails the test with the end of the server's log.
    #[track_caller]
    fn checked<T>(&self, what: &str, result: Result<T, kube::Error>) -> T {
        result.unwrap_or_else(|error| self.server().fail(&format!("{what}: {error}")))
    }

    async fn wait_ready(&self) {
        let client = self.client();
        super::eventually("kube-apiserver is ready", async || {
            self.etcd.must_run();
            self.server().must_run();
            let request = hyper::Request::get("/readyz").body(Vec::new()).unwrap();
            client.request_text(request).await.ok()
        })
        .await;
    }

    fn server(&self) -> MutexGuard<'_, Process> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static ASSETS: LazyLock<PathBuf> = LazyLock::new(|| script("get-kube-apiserver.sh").into());

/// A folder under `target/`, named after this process. A shared server is never dropped, so that its folder stays: those
/// of processes that are gone are removed here.
fn folder() -> TempDir {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(parent).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let owner = name.strip_prefix("kube-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new().prefix(&format!("kube-{}-", std::process::id())).tempdir_in(parent).unwrap()
}

fn etcd_command(folder: &Path, port: u16) -> Command {
    let mut command = command_of(ASSETS.join("etcd"));
    command.arg("--data-dir").arg(folder.join("etcd")).args([
        format!("--listen-client-urls=http://127.0.0.1:{port}"),
        format!("--advertise-client-urls=http://127.0.0.1:{port}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
    ]);
    command
}

fn server_command(folder: &Path, port: u16, etcd_port: u16) -> Command {
    let file = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
    let mut command = command_of(ASSETS.join("kube-apiserver"));
    command.args([
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        file("cert-dir", "certificates"),
        file("tls-cert-file", "tls.crt"),
        file("tls-private-key-file", "tls.key"),
        format!("--service-account-issuer={ISSUER}"),
        format!("--api-audiences={ISSUER}"),
        file("service-account-signing-key-file", "sa.key"),
        file("service-account-key-file", "sa.pub"),
        file("token-auth-file", "users.csv"),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ]);
    command
}

async fn wait_for_etcd(etcd: &Process, port: u16) {
    super::eventually("etcd is ready", async || {
        etcd.must_run();
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
}

/// Static users have tokens that only this process knows.
fn static_token(user: &str) -> String {
    static SECRET: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap());
    format!("{user}-{:016x}", *SECRET)
}
