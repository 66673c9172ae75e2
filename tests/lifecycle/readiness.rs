//! Health, readiness and what a store's bad file does to them.

use serde_json::{Value, json};

use super::{
    asking::{client, look_alike, reason, request, server},
    support::{eventually, process::free_port, rolegate::Rolegate},
};

async fn health(ops: &str) -> (Option<i32>, String) {
    let finished = Rolegate::run(&["health", "--ops", ops]).await;
    assert_eq!(finished.stdout, "");
    (finished.status.code(), finished.stderr)
}

#[tokio::test]
async fn health_ends_with_0_only_while_it_is_ready() {
    let mut config = server();
    config["shutdown"]["lame_duck"] = json!("1h");
    // Nobody else's once it has ended.
    config["ops"]["listen"] = json!(format!("127.0.0.1:{}", free_port()));
    let rolegate = Rolegate::server(&config.to_string()).await;
    let ops = format!("http://{}", rolegate.ops());
    assert_eq!(health(&ops).await, (Some(0), String::new()));

    rolegate.signal("TERM");
    rolegate.wait_for_log("drain").await;
    let (code, told) = health(&ops).await;
    assert!(code == Some(1) && told.contains("not ready"), "{code:?} {told}");

    rolegate.process.kill();
    let (code, told) = health(&ops).await;
    assert!(code == Some(1) && told.contains(&ops), "{code:?} {told}");
}

#[tokio::test]
async fn health_of_nothing_and_of_a_wrong_address_is_an_error_in_one_line() {
    for ops in [format!("http://127.0.0.1:{}", free_port()), "nowhere".to_owned()] {
        let (code, told) = health(&ops).await;
        assert!(code.is_some_and(|code| code != 0), "{code:?}");
        assert!(told.lines().count() == 1 && told.contains(&ops), "{told}");
    }
}

#[tokio::test]
async fn the_operations_door_tells_of_life_readiness_and_metrics() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    assert_eq!(rolegate.ops_get("/livez").await.status, 200);
    let ready = rolegate.ops_get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json::<Value>()["troubles"], json!({}));
    let metrics = rolegate.ops_get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(metrics.text().ends_with("# EOF\n"));
    assert_eq!(rolegate.ops_get("/other").await.status, 404);
}

/// A store with one role that binds a service account.
fn store(role: &str) -> String {
    let role_fields = json!({
        "bound_service_account_names": ["nobody"],
        "bound_service_account_namespaces": ["shop"],
    });
    let config = json!({ "kubernetes_host": "https://127.0.0.1:1", "kubernetes_ca_cert": "" });
    json!({ "mounts": { "kubernetes": { "config": config, "roles": { role: role_fields } } } }).to_string()
}

#[tokio::test]
async fn a_bad_file_keeps_the_last_good_set_and_is_told_until_a_good_one_comes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.yaml");
    std::fs::write(&file, store("first")).unwrap();
    let mut config = server();
    config["store"] = json!({ "type": "file", "path": file });
    let rolegate = Rolegate::server(&config.to_string()).await;
    let mut door = client(rolegate.envoy()).await;
    let token = look_alike("orders");
    let mut told = async |role| {
        let answer = door.check(request(&token, role)).await.unwrap().into_inner();
        reason(&answer).to_owned()
    };
    assert_eq!(told("first").await, "service_account_name");
    let troubles = async || rolegate.ops_get("/readyz").await.json::<Value>()["troubles"].clone();
    assert_eq!(troubles().await, json!({}));

    std::fs::write(&file, store("second").replace("bound_service_account_names", "bound_names")).unwrap();
    // The file may be read while it is being written, too.
    let trouble = eventually("the mistake is told", async || {
        let trouble = troubles().await.get("store")?.to_string();
        trouble.contains("mounts.kubernetes.roles.second.bound_names").then_some(trouble)
    })
    .await;
    assert!(trouble.contains(file.to_str().unwrap()), "{trouble}");
    assert_eq!(rolegate.ops_get("/readyz").await.status, 200);
    assert!(rolegate.metric("rolegate_feed_failures_total", &[r#"feed="store""#]).await > 0.0);
    let logged = rolegate.wait_for_log("bound_names").await;
    assert!(logged.contains("ERROR"), "{logged}");
    assert_eq!(told("first").await, "service_account_name", "the last good set is in force");
    assert_eq!(told("second").await, "unknown_role");

    std::fs::write(&file, store("second")).unwrap();
    eventually("the good file is in force", async || {
        (told("second").await == "service_account_name").then_some(())
    })
    .await;
    assert_eq!(told("first").await, "unknown_role");
    eventually("the trouble is over", async || (troubles().await == json!({})).then_some(())).await;
}
