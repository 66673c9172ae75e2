//! The real Envoy, and the configurations of `envoy/` with the addresses of a test.

use std::{net::SocketAddr, path::Path, process::Command, sync::LazyLock};

use serde::Deserialize;
use tempfile::TempDir;

use super::{
    http::Client,
    process::{Process, command_of, script},
};

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    /// The process, with its log.
    pub process: Process,
    admin: SocketAddr,
    listeners: Vec<Listener>,
    _folder: TempDir,
}

#[derive(Debug, Deserialize)]
struct Listeners {
    listener_statuses: Vec<Listener>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    name: String,
    local_address: LocalAddress,
}

#[derive(Debug, Deserialize)]
struct LocalAddress {
    socket_address: SocketAddress,
}

#[derive(Debug, Deserialize)]
struct SocketAddress {
    address: String,
    port_value: u16,
}

impl Envoy {
    /// Starts Envoy with this configuration and waits until it serves; its admin listener gets a free port.
    pub async fn start(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("envoy.yaml");
        let admin_file = folder.path().join("admin");
        std::fs::write(&config, yaml).unwrap();
        let mut command = command_of(&*BINARY);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]);
        // Its access log comes at once, not after ten seconds.
        command.args(["--file-flush-interval-msec", "50"]);
        command.args([
            "--config-yaml",
            "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }",
        ]);
        command.arg("--config-path").arg(&config).arg("--admin-address-path").arg(&admin_file);
        let process = Process::spawn("envoy", command);
        let admin = super::eventually("envoy's admin address", async || {
            process.must_run();
            std::fs::read_to_string(&admin_file).ok()?.parse().ok()
        })
        .await;
        let listeners = super::eventually("envoy is ready", async || {
            process.must_run();
            ready(&Client::http1(admin)).await
        })
        .await;
        Self { process, admin, listeners, _folder: folder }
    }

    /// Whether Envoy takes the configuration; else what it says.
    pub fn validate(yaml: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("envoy.yaml");
        std::fs::write(&config, yaml).unwrap();
        let output = Command::new(&*BINARY).args(["--mode", "validate", "-c"]).arg(&config).output().unwrap();
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Where the listener of this name listens.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let listener = self.listeners.iter().find(|listener| listener.name == name);
        let socket = &listener.unwrap_or_else(|| panic!("no listener `{name}`")).local_address.socket_address;
        SocketAddr::new(socket.address.parse().unwrap(), socket.port_value)
    }

    /// What the admin listener says to GET.
    pub async fn admin(&self, path: &str) -> String {
        Client::http1(self.admin).get(path, &[]).await.text()
    }

    /// The value of a counter or gauge of this full name; 0 while there is none.
    pub async fn stat(&self, name: &str) -> u64 {
        let all = self.admin("/stats?usedonly").await;
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// `envoy/demo.yaml` on free ports, its gate at `rolegate`, its own upstream replaced by `upstream` where there is one.
pub fn demo(rolegate: SocketAddr, upstream: Option<SocketAddr>) -> String {
    let own = super::process::free_port();
    let mut yaml = include_str!("../../envoy/demo.yaml").to_owned();
    replace(&mut yaml, "port_value: 10000", "port_value: 0", 1);
    replace(&mut yaml, "port_value: 9191", &format!("port_value: {}", rolegate.port()), 1);
    replace(&mut yaml, "port_value: 10001", &format!("port_value: {own}"), 2);
    if let Some(upstream) = upstream {
        let endpoint = |port| format!("- endpoint: {{ address: {{ {} }} }}", socket("127.0.0.1", port));
        replace(&mut yaml, &endpoint(own), &endpoint(upstream.port()), 1);
    }
    yaml
}

/// `envoy/production.yaml` on a free port of 127.0.0.1, with the certificates of `folder`: `front` and `gate` each with
/// `tls.crt` and `tls.key`, `gate` also with `ca.crt`.
pub fn production(folder: &Path, rolegate: SocketAddr, upstream: SocketAddr) -> String {
    let mut yaml = include_str!("../../envoy/production.yaml").to_owned();
    replace(&mut yaml, "/etc/envoy/", &format!("{}/", folder.display()), 5);
    replace(&mut yaml, &socket("0.0.0.0", 8443), &socket("127.0.0.1", 0), 1);
    let gate = socket("rolegate.rolegate.svc.cluster.local", 9191);
    replace(&mut yaml, &gate, &socket("127.0.0.1", rolegate.port()), 1);
    let orders = socket("orders.shop.svc.cluster.local", 8080);
    replace(&mut yaml, &orders, &socket("127.0.0.1", upstream.port()), 1);
    yaml
}

/// Replaces what must be there `times` times, so that a changed file fails loudly.
pub fn replace(text: &mut String, from: &str, to: &str, times: usize) {
    assert_eq!(text.matches(from).count(), times, "`{from}` in the configuration");
    *text = text.replace(from, to);
}

static BINARY: LazyLock<String> = LazyLock::new(|| script("get-envoy.sh"));

fn socket(address: &str, port: u16) -> String {
    format!("socket_address: {{ address: {address}, port_value: {port} }}")
}

async fn ready(admin: &Client) -> Option<Vec<Listener>> {
    if !admin.get("/ready", &[]).await.status.is_success() {
        return None;
    }
    let listeners: Listeners = admin.get("/listeners?format=json", &[]).await.json();
    let listeners = listeners.listener_statuses;
    listeners
        .iter()
        .all(|listener| listener.local_address.socket_address.port_value != 0)
        .then_some(listeners)
}
