//! `rolegate dev`, as somebody meets it who has just cloned the repository: the ready line, the hints, the demo.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

pub mod support;

use std::{
    io::{ErrorKind, Write},
    process::Command,
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::Api;
use serde_json::Value;
use support::{
    envoy::{self, Envoy},
    http::Client,
    rolegate::Rolegate,
};

/// A token of a service account in `shop`, for the cluster's own audience.
async fn token(rolegate: &Rolegate, account: &str) -> String {
    let api = Api::<ServiceAccount>::namespaced(rolegate.cluster().await, "shop");
    let spec =
        TokenRequestSpec { audiences: Vec::new(), expiration_seconds: Some(3600), ..Default::default() };
    let request = TokenRequest { spec, ..Default::default() };
    api.create_token_request(account, &Default::default(), &request).await.unwrap().status.unwrap().token
}

struct Demo {
    rolegate: Rolegate,
    envoy: Envoy,
}

impl Demo {
    async fn start() -> Self {
        let rolegate = Rolegate::dev().await;
        let envoy = Envoy::start(&envoy::demo(rolegate.envoy(), None)).await;
        Self { rolegate, envoy }
    }

    /// The status, and what the demo's upstream shows or the answer's body says.
    async fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let answer = Client::http1(self.envoy.listener("front")).get(path, &headers).await;
        (answer.status.as_u16(), answer.json())
    }
}

#[tokio::test]
async fn the_ready_line_names_what_is_served_and_hints_say_what_to_type() {
    let rolegate = Rolegate::dev().await;
    let kubeconfig = rolegate.said("kubeconfig").unwrap().to_owned();
    let line = format!(
        "ready envoy={} vault=http://{} ops=http://{} cluster={} kubeconfig={kubeconfig}",
        rolegate.envoy(),
        rolegate.vault(),
        rolegate.ops(),
        rolegate.said("cluster").unwrap()
    );
    assert!(rolegate.said("cluster").unwrap().starts_with("http://127.0.0.1:"), "{line}");
    assert_eq!(rolegate.ops_get("/readyz").await.json::<Value>()["troubles"], serde_json::json!({}));
    let command = format!("kubectl --kubeconfig {kubeconfig} create token orders -n shop");
    rolegate.wait_for_log(&command).await;
    let hints = rolegate.process.stderr.all().join("\n");
    assert!(hints.contains(&rolegate.envoy().to_string()), "{hints}");

    rolegate.signal("INT");
    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
    assert_eq!(rolegate.process.stdout.to_end().await, [line]);
    assert!(!std::path::Path::new(&kubeconfig).exists(), "the administrator's bearer does not stay behind");
}

#[tokio::test]
async fn the_kubeconfig_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let rolegate = Rolegate::dev().await;
    let mode = std::fs::metadata(rolegate.said("kubeconfig").unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--envoy-listen", "--ops-listen", "--cluster-listen"] {
        let mut arguments = vec!["dev"];
        for each in ["--envoy-listen", "--ops-listen", "--cluster-listen"] {
            arguments.extend([each, if each == flag { &address } else { "127.0.0.1:0" }]);
        }
        let finished = Rolegate::run(&arguments).await;
        assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(2), ""), "{flag}");
        assert!(finished.stderr.contains(&address), "{flag}: {}", finished.stderr);
    }
}

#[tokio::test]
async fn the_demo_allows_and_denies_by_the_roles_of_its_routes() {
    let demo = Demo::start().await;
    let (orders, billing) = (token(&demo.rolegate, "orders").await, token(&demo.rolegate, "billing").await);

    let (status, shown) = demo.get("/public", None).await;
    assert_eq!((status, &shown["x-rolegate-role"]), (200, &Value::Null));

    let (status, shown) = demo.get("/orders", Some(&orders)).await;
    assert_eq!(status, 200, "{shown}");
    for (key, value) in [
        ("x-rolegate-mount", "kubernetes"),
        ("x-rolegate-role", "orders"),
        ("x-rolegate-namespace", "shop"),
        ("x-rolegate-service-account", "orders"),
    ] {
        assert_eq!(shown[key], value, "{shown}");
    }
    for key in ["x-rolegate-uid", "x-rolegate-policies", "x-rolegate-decision-id"] {
        assert!(shown[key].is_string(), "{shown}");
    }
    assert_eq!(shown["authorization"], Value::Null, "the token does not arrive");

    for (path, token, status, sentence) in [
        ("/orders", Some(&billing), 403, "service account name not authorized"),
        ("/orders", None, 401, "missing jwt"),
        ("/unconfigured", Some(&orders), 403, "missing role"),
    ] {
        let (given, told) = demo.get(path, token.map(String::as_str)).await;
        assert_eq!((given, &told["errors"][0]), (status, &Value::from(sentence)), "{path}");
    }
    for (token, role) in [(&orders, "orders"), (&billing, "billing")] {
        let (status, shown) = demo.get("/reports", Some(token)).await;
        assert_eq!((status, &shown["x-rolegate-role"]), (200, &Value::from(role)));
    }
}

#[tokio::test]
async fn the_hint_works_as_it_stands() {
    let demo = Demo::start().await;
    let hint = demo.rolegate.wait_for_log("create token orders").await;
    let mut words = hint.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("--request-timeout=30s").env("HOME", std::env::temp_dir());
    let output = match tokio::task::spawn_blocking(move || command.output()).await.unwrap() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        output => Some(output.unwrap()).filter(|output| !old(&output.stderr)),
    };
    let Some(output) = output else {
        // Written past the test harness, which hides what a passing test prints.
        let notice = "NOT RUN: no kubectl >= 1.24 in PATH; the demo's test makes the same TokenRequest\n";
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    assert_eq!(demo.get("/orders", Some(token.trim())).await.0, 200);
}

/// Whether kubectl says that it does not know `create token`.
fn old(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("unknown flag")
}
