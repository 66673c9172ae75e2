//! A process with few file descriptors, and strangers who take all that they get.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

pub mod support;

use std::net::SocketAddr;

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::Api;
use serde_json::json;
use support::{http::Client, process::command_of, rolegate::Rolegate};
use tokio::net::{TcpSocket, TcpStream};

/// Of the process: what it has at first, and what it may have.
const SOFT: u32 = 64;
const HARD: u32 = 256;

/// To each door, from one address; more than the process may have descriptors.
const SILENT: usize = 300;

async fn silent(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 66], 0))).unwrap();
    socket.connect(addr).await.unwrap()
}

#[tokio::test]
async fn silent_connections_to_every_door_stop_neither_reviews_nor_operators() {
    let mut command = command_of("sh");
    let limited = format!("ulimit -S -n {SOFT} && ulimit -H -n {HARD} && exec \"$0\" \"$@\"");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_rolegate"), "dev"]);
    for door in ["envoy", "vault", "ops", "cluster"] {
        command.arg(format!("--{door}-listen=127.0.0.1:0"));
    }
    let rolegate = Rolegate::started_by(command).await;
    let line = rolegate.wait_for_log("the soft limit is raised").await;
    assert!(line.contains(&format!("\"soft\":{SOFT},\"limit\":{HARD}")), "{line}");

    let api = Api::<ServiceAccount>::namespaced(rolegate.cluster().await, "shop");
    let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
    let token = api.create_token_request("orders", &Default::default(), &request).await.unwrap();
    let login = json!({ "role": "orders", "jwt": token.status.unwrap().token });
    let login = async || {
        let request = http::Request::post("/v1/auth/kubernetes/login").body(login.to_string()).unwrap();
        Client::http1(rolegate.vault()).send(request).await.unwrap().status.as_u16()
    };
    assert_eq!(login().await, 200);

    let mut held = Vec::new();
    for door in [rolegate.ops(), rolegate.vault(), rolegate.envoy()] {
        for _ in 0..SILENT {
            held.push(silent(door).await);
        }
        // A login is reviewed afresh, over a connection of its own or a kept one.
        assert_eq!(login().await, 200);
        assert_eq!(rolegate.ops_get("/livez").await.status.as_u16(), 200);
    }
    let troubles = rolegate.ops_get("/readyz").await;
    assert_eq!(troubles.status.as_u16(), 200);
    for door in ["ops", "vault", "envoy"] {
        let trouble = format!("listener {door} connections");
        assert!(
            troubles.json::<serde_json::Value>()["troubles"][&trouble].is_string(),
            "{}",
            troubles.text()
        );
    }
    let open = rolegate.metric("rolegate_listener_connections", &[]).await;
    assert!(open > 0.0 && open < f64::from(HARD), "{open}");
    let log = rolegate.process.stderr.all().join("\n");
    assert!(!log.contains("Too many open files"), "{log}");
}
