//! A real OpenBao server in development mode, with the program in its plugin directory.

use std::{
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    eventually,
    http::{Answer, Client},
    process::{Process, command_of, free_pair, script},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rolegate");

/// The root token.
pub const ROOT: &str = "root";

/// Where Vault's clients are, OpenBao's server among them.
static CLIENTS: LazyLock<PathBuf> = LazyLock::new(|| script("get-clients.sh").into());

/// A running server. It and what it has started end when this is dropped.
#[derive(Debug)]
pub struct BaoCore {
    process: Process,
    address: SocketAddr,
    folder: TempDir,
}

impl BaoCore {
    /// Starts one, and waits until it has registered the program as `rolegate`, which it does by itself.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with these variables in its environment, which its plugins have as well.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (plugins, sockets) = (folder.path().join("plugins"), folder.path().join("sockets"));
        for directory in [&plugins, &sockets] {
            std::fs::create_dir(directory).unwrap();
        }
        put_into(&plugins, Path::new(PROGRAM));
        // Its cluster's listener is at the port behind.
        let address = SocketAddr::from(([127, 0, 0, 1], free_pair()));
        let mut command = command_of(CLIENTS.join("bao"));
        command
            .args(["server", "-dev", "-dev-no-store-token", "-log-level=debug"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address={address}"))
            .arg(format!("-dev-plugin-dir={}", plugins.display()))
            .env("TMPDIR", &sockets)
            .env("HOME", folder.path())
            .envs(variables.iter().copied())
            .process_group(0);
        let core = Self { process: Process::spawn("bao", command), address, folder };
        eventually("rolegate in the catalog", async || {
            core.process.must_run();
            let answer = core.try_ask("GET", "sys/plugins/catalog/auth?list=true", None).await?;
            let known = answer.status == StatusCode::OK && answer.text().contains("rolegate");
            known.then_some(())
        })
        .await;
        core
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its plugin directory.
    pub fn plugin_directory(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// Runs OpenBao's own client; it must succeed. What it prints.
    pub async fn cli(&self, arguments: &[&str]) -> String {
        let mut command = command_of(CLIENTS.join("bao"));
        command.args(arguments).env("BAO_ADDR", format!("http://{}", self.address)).env("BAO_TOKEN", ROOT);
        let client = Process::spawn("bao client", command);
        let (status, printed) = (client.wait_exit().await, client.stdout.to_end().await.join("\n"));
        assert!(status.success(), "bao {arguments:?}: {printed}\n{}", client.stderr.tail());
        printed
    }

    /// The SHA-256 of the program, as a plugin is registered by it.
    pub fn sha256() -> String {
        sha256(Path::new(PROGRAM))
    }

    /// Puts another plugin into its plugin directory: the SHA-256 to register it by.
    pub fn bring(&self, program: &Path) -> String {
        put_into(&self.plugin_directory(), program);
        sha256(program)
    }

    /// One request to `/v1/…` with the root token.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as(ROOT, method, path, body, &[]).await
    }

    /// One request to `/v1/…` with this token (empty: none) and these headers.
    pub async fn ask_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = self.send(token, method, path, body, headers).await;
        answer.unwrap_or_else(|| self.process.fail(&format!("{method} {path}: no answer")))
    }

    /// With the root token; it must succeed.
    pub async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let answer = self.ask(method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text());
        answer
    }

    /// The processes of plugins that run, by their ids.
    pub fn plugins(&self) -> Vec<u32> {
        let directory = self.plugin_directory();
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.ok()?;
            let id = entry.file_name().to_str()?.parse().ok()?;
            std::fs::read_link(entry.path().join("exe")).ok()?.starts_with(&directory).then_some(id)
        });
        processes.collect()
    }

    /// The sockets in the directory for temporary files, the server's and its plugins'.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("sockets")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Waits until no plugin runs.
    pub async fn no_plugin_runs(&self) {
        eventually("the end of all plugins", async || self.plugins().is_empty().then_some(())).await;
    }

    /// Waits until no socket is left; the server removes its own a moment after the plugin's end.
    pub async fn no_socket_is_left(&self) {
        eventually("the end of all sockets", async || self.sockets().is_empty().then_some(())).await;
    }

    /// Kills the server alone, and waits until it is gone.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// What a terminal's Ctrl-C does: an interrupt of the server and of all that it has started. Waits until the server
    /// has ended by itself.
    pub async fn interrupt(&self) {
        signal_group("INT", self.process.id());
        self.process.wait_exit().await;
    }

    /// The server's log, which holds that of its plugins.
    pub fn log(&self) -> String {
        self.process.stdout.all().join("\n") + &self.process.stderr.all().join("\n")
    }

    async fn try_ask(&self, method: &str, path: &str, body: Option<Value>) -> Option<Answer> {
        self.send(ROOT, method, path, body, &[]).await
    }

    async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        let token = Some(("x-vault-token", token)).filter(|(_, token)| !token.is_empty());
        for (name, value) in headers.iter().copied().chain(token) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).unwrap();
        tokio::net::TcpStream::connect(self.address).await.ok()?;
        Client::http1(self.address).send(request).await.ok()
    }
}

impl Drop for BaoCore {
    fn drop(&mut self) {
        self.process.kill();
        // Nobody is left where all went well.
        signal_group("KILL", self.process.id());
    }
}

/// A core takes no link that leads out of the directory.
fn put_into(plugins: &Path, program: &Path) {
    let file = plugins.join(program.file_name().unwrap());
    std::fs::hard_link(program, &file).or_else(|_| std::fs::copy(program, &file).map(|_| ())).unwrap();
}

fn sha256(program: &Path) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(program).unwrap());
    rolegate::core::hex::hex(digest.as_ref())
}

fn signal_group(signal: &str, leader: u32) {
    let group = format!("-{leader}");
    let _ = Command::new("kill").args(["-s", signal, "--", &group]).output();
}

/// Kills a process at once.
pub fn kill(id: u32) {
    let killed = Command::new("kill").args(["-s", "KILL", &id.to_string()]).status().unwrap();
    assert!(killed.success(), "{id} is not killed");
}
