//! Configs of mounts that are stored as they are, and what the operator is told of them: by the program itself.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

pub mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use support::{
    eventually,
    http::{Answer, Client},
    rolegate::Rolegate,
};

const ROOT: &str = "root-token-of-the-test";
const SERVER: &str = "{vault: {listen: '127.0.0.1:0'}, ops: {listen: '127.0.0.1:0'}, store: {type: memory}, \
                      shutdown: {lame_duck: 0s}}";

async fn server() -> Rolegate {
    Rolegate::server_with(SERVER, &[("ROLEGATE_ROOT_TOKEN", ROOT)]).await
}

async fn call(server: &Rolegate, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1/{path}"))
        .header("x-vault-token", ROOT)
        .body(Full::new(if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) }))
        .unwrap();
    Client::http1(server.vault()).send(request).await.unwrap()
}

async fn write(server: &Rolegate, path: &str, body: Value) {
    assert_eq!(call(server, "POST", path, &body).await.status, 204, "{path}");
}

async fn troubles(server: &Rolegate) -> Value {
    server.ops_get("/readyz").await.json::<Value>()["troubles"].clone()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn a_host_that_cannot_work_is_written_and_said_in_the_log_in_readiness_and_by_a_warning() {
    let server = server().await;
    write(&server, "sys/auth/k", json!({"type": "kubernetes"})).await;
    for (host, says, is_warned_of) in [
        ("https://::1:6443", "IPv6 address without brackets", true),
        ("https://kube?a=b", "has a query or fragment", true),
        ("kube:6443", "does not begin with `https://`", false),
        ("https://kube ", "holds blanks or control characters", false),
    ] {
        write(&server, "auth/k/config", json!({"kubernetes_host": host, "disable_local_ca_jwt": true})).await;
        let line = parsed(&server.wait_for_log(says).await);
        assert_eq!(line["message"], "the mount's config cannot work");
        assert_eq!(line["mount"], "k");
        assert!(line["request_id"].as_str().unwrap().len() > 30, "{line}");
        let told = troubles(&server).await["mount k config"].as_str().unwrap().to_owned();
        assert!(told.contains("`kubernetes_host`") && told.contains(says), "{told}");
        let read: Value = call(&server, "GET", "auth/k/config", &Value::Null).await.json();
        assert_eq!(read["data"]["kubernetes_host"], host);
        let warnings = read["warnings"].as_array().map_or(0, Vec::len);
        assert_eq!(warnings, usize::from(is_warned_of), "{read}");
    }
    write(&server, "auth/k/config", json!({"kubernetes_host": "https://kube", "disable_local_ca_jwt": true}))
        .await;
    assert_eq!(troubles(&server).await.get("mount k config"), None);
}

#[tokio::test]
async fn a_host_in_the_stores_file_is_said_when_it_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.yaml");
    let mounts = json!({"mounts": {"k": {"config": {"kubernetes_host": "https://::1", "disable_local_ca_jwt": true}}}});
    std::fs::write(&store, mounts.to_string()).unwrap();
    let config = SERVER.replace("{type: memory}", &json!({"type": "file", "path": store}).to_string());
    let server = Rolegate::server(&config).await;
    let line = parsed(&server.wait_for_log("IPv6 address without brackets").await);
    assert_eq!((&line["mount"], &line["request_id"]), (&json!("k"), &Value::Null));
    eventually("readiness with it", async || troubles(&server).await.get("mount k config").cloned()).await;
}

#[tokio::test]
async fn what_a_bundle_holds_beside_certificates_is_named_and_not_shown() {
    let server = server().await;
    write(&server, "sys/auth/k", json!({"type": "kubernetes"})).await;
    let certified = support::certificates::Authority::new().server(&["kube"]);
    let bundle = format!("{}{}", certified.key, certified.certificate);
    write(&server, "auth/k/config", json!({"kubernetes_host": "https://kube", "kubernetes_ca_cert": bundle}))
        .await;
    let line = server.wait_for_log("a part of the mount's config is ignored").await;
    assert!(line.contains("`PRIVATE KEY`") && line.contains("request_id"), "{line}");
    assert!(!line.contains(certified.key.lines().nth(1).unwrap()), "{line}");
    let joined = bundle.replace("-----\n-----", "----------");
    let config = json!({"kubernetes_host": "h", "kubernetes_ca_cert": joined});
    assert_eq!(call(&server, "POST", "auth/k/config", &config).await.status, 400);
}
