//! The program itself, as a process.

use std::{
    net::SocketAddr,
    process::{Command, ExitStatus},
};

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tempfile::TempDir;

use super::{
    http::{Answer, Client},
    process::{Process, ROLEGATE, command_of},
};

/// A running rolegate that has said that it is ready.
#[derive(Debug)]
pub struct Rolegate {
    /// The process, with its standard output and its log.
    pub process: Process,
    ready: String,
    folder: Option<TempDir>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Rolegate {
    /// `rolegate server` with this configuration.
    pub async fn server(config: &str) -> Self {
        Self::server_with(config, &[]).await
    }

    /// `rolegate server` with this configuration and these variables in its environment.
    pub async fn server_with(config: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.yaml");
        std::fs::write(&path, config).unwrap();
        let process = Self::spawn(&["server", "--config", path.to_str().unwrap()], variables);
        Self { folder: Some(folder), ..Self::of(process).await }
    }

    /// `rolegate dev`, each door on a free port.
    pub async fn dev() -> Self {
        let listen = ["--envoy-listen", "--vault-listen", "--ops-listen", "--cluster-listen"];
        let mut arguments = vec!["dev"];
        arguments.extend(listen.iter().flat_map(|flag| [*flag, "127.0.0.1:0"]));
        Self::start(&arguments).await
    }

    /// Any command that serves; waits for its ready line, and fails with the log if it ends before.
    pub async fn start(arguments: &[&str]) -> Self {
        Self::of(Self::spawn(arguments, &[])).await
    }

    /// Likewise whatever this command makes a rolegate of; it should come from `command_of`.
    pub async fn started_by(command: Command) -> Self {
        Self::of(Process::spawn(ROLEGATE, command)).await
    }

    async fn of(process: Process) -> Self {
        let Some(ready) = process.stdout.wait_for(|line| line.starts_with("ready ")).await else {
            process.stderr.to_end().await;
            process.fail("no ready line on standard output")
        };
        Self { process, ready, folder: None }
    }

    /// Any command that ends by itself.
    pub async fn run(arguments: &[&str]) -> Finished {
        Self::run_with(arguments, &[]).await
    }

    /// The same with these variables in its environment.
    pub async fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
        let process = Self::spawn(arguments, variables);
        let stdout = process.stdout.to_end().await.join("\n");
        let stderr = process.stderr.to_end().await.join("\n");
        Finished { status: process.wait_exit().await, stdout, stderr }
    }

    /// Where the Envoy door listens.
    pub fn envoy(&self) -> SocketAddr {
        self.at("envoy").parse().unwrap()
    }

    /// Where the Vault door listens.
    pub fn vault(&self) -> SocketAddr {
        let url = self.at("vault");
        url.split_once("://").map_or(url, |(_scheme, address)| address).parse().unwrap()
    }

    /// Where the operations door listens.
    pub fn ops(&self) -> SocketAddr {
        self.at("ops").trim_start_matches("http://").parse().unwrap()
    }

    /// What the operations door answers.
    pub async fn ops_get(&self, path: &str) -> Answer {
        Client::http1(self.ops()).get(path, &[]).await
    }

    /// The sum of a metric's samples whose labels hold all these texts, such as `outcome="deny"`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.ops_get("/metrics").await.text();
        let samples = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (given, value) = rest.rsplit_once(' ')?;
            let ours = given.is_empty() || given.starts_with('{');
            (ours && labels.iter().all(|label| given.contains(label))).then(|| value.parse::<f64>().unwrap())
        });
        samples.sum()
    }

    /// What the ready line says under this name: `vault`, `cluster`, `kubeconfig`; nothing where it is left out.
    pub fn said(&self, name: &str) -> Option<&str> {
        self.ready.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }

    /// Writes a new configuration over the one it was started with.
    pub fn rewrite_config(&self, config: &str) {
        let folder = self.folder.as_ref().expect("started with a configuration");
        std::fs::write(folder.path().join("rolegate.yaml"), config).unwrap();
    }

    /// The first line of the log that holds the text, already there or still to come.
    pub async fn wait_for_log(&self, text: &str) -> String {
        match self.process.stderr.wait_for(|line| line.contains(text)).await {
            Some(line) => line,
            None => self.process.fail(&format!("no `{text}` in the log")),
        }
    }

    /// A client of the stand-in cluster that `dev` says it has.
    pub async fn cluster(&self) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(self.said("kubeconfig").unwrap()).unwrap();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        // The machine's proxy is for elsewhere.
        config.proxy_url = None;
        kube::Client::try_from(config).unwrap()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// How it ends.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.process.wait_exit().await
    }

    fn spawn(arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut command = command_of(env!("CARGO_BIN_EXE_rolegate"));
        // All that could show a token.
        command.args(arguments).env("RUST_LOG", "warn,rolegate=debug").envs(variables.iter().copied());
        Process::spawn(ROLEGATE, command)
    }

    fn at(&self, name: &str) -> &str {
        self.said(name).unwrap_or_else(|| panic!("no `{name}` in `{}`", self.ready))
    }
}
