//! Stopping: not ready first, then no new connections, and what runs is finished.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet};

use super::{
    asking::{client, reason, request, server},
    support::{DEADLINE, eventually, http::Client, kube::KubeApiserver, rolegate::Rolegate, within},
};

#[tokio::test]
async fn in_the_lame_duck_period_it_is_not_ready_and_still_answers() {
    let mut config = server();
    config["shutdown"]["lame_duck"] = json!("1h");
    let rolegate = Rolegate::server(&config.to_string()).await;
    let mut early = client(rolegate.envoy()).await;
    assert_eq!(rolegate.ops_get("/readyz").await.status, 200);

    rolegate.signal("TERM");
    eventually("not ready", async || (rolegate.ops_get("/readyz").await.status == 503).then_some(())).await;

    assert_eq!(rolegate.ops_get("/livez").await.status, 200);
    let mut late = client(rolegate.envoy()).await;
    for client in [&mut early, &mut late] {
        let answer = client.check(CheckRequest::default()).await.unwrap().into_inner();
        assert_eq!(reason(&answer), "no_token");
    }
    assert_eq!(rolegate.process.exited(), None);
    rolegate.signal("TERM");
    assert_eq!(rolegate.wait_exit().await.code(), Some(1), "asked twice, it does not wait");
}

#[tokio::test]
async fn in_the_lame_duck_period_vaults_clients_are_told_to_connect_anew() {
    let mut config = server();
    config["shutdown"]["lame_duck"] = json!("1h");
    config["vault"] = json!({ "listen": "127.0.0.1:0" });
    let rolegate = Rolegate::server(&config.to_string()).await;
    let [http1, http2] = [Client::http1(rolegate.vault()), Client::http2(rolegate.vault())];
    assert_eq!(http1.get("/v1/sys/seal-status", &[]).await.header("connection"), None);

    rolegate.signal("TERM");
    eventually("not ready", async || (rolegate.ops_get("/readyz").await.status == 503).then_some(())).await;

    for (client, told) in [(http1, Some("close")), (http2, None)] {
        let answer = client.get("/v1/sys/seal-status", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, told));
    }
}

#[tokio::test]
async fn both_signals_end_it_with_0_although_connections_are_open() {
    for signal in ["TERM", "INT"] {
        let rolegate = Rolegate::server(&server().to_string()).await;
        let mut open = client(rolegate.envoy()).await;
        open.check(CheckRequest::default()).await.unwrap();
        rolegate.signal(signal);
        assert_eq!(rolegate.wait_exit().await.code(), Some(0), "SIG{signal}");
    }
}

#[tokio::test]
async fn a_hangup_changes_nothing_for_a_server_and_ends_what_a_terminal_has_started() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    rolegate.signal("HUP");
    rolegate.wait_for_log("SIGHUP changes nothing").await;
    assert_eq!(rolegate.ops_get("/readyz").await.status, 200);

    let dev = Rolegate::dev().await;
    dev.signal("HUP");
    assert_eq!(dev.wait_exit().await.code(), None, "by the signal");
}

#[tokio::test]
async fn a_signal_right_after_the_ready_line_is_heard() {
    for _ in 0..20 {
        let rolegate = Rolegate::server(&server().to_string()).await;
        rolegate.signal("TERM");
        assert_eq!(rolegate.wait_exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_process_without_the_envoy_door_ends_too() {
    let mut config = server();
    config.as_object_mut().unwrap().remove("envoy");
    config["vault"] = json!({ "listen": "127.0.0.1:0" });
    let rolegate = Rolegate::server(&config.to_string()).await;
    rolegate.wait_for_log("nobody can administer the Vault door").await;
    rolegate.signal("TERM");
    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
}

/// A server in front of an API server that hangs, with a review that waits for it.
async fn waiting_check(
    api: &KubeApiserver,
    grace: &str,
) -> (Rolegate, tokio::task::JoinHandle<Result<String, tonic::Code>>) {
    let namespace = api.namespace(&[]).await;
    api.service_account(&namespace, "orders").await;
    let token = api.token(&namespace, "orders", &[], 3600).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.yaml");
    let role = json!({
        "bound_service_account_names": ["orders"],
        "bound_service_account_namespaces": [namespace],
    });
    let mount = json!({
        "kubernetes_host": api.url(),
        "kubernetes_ca_cert": api.ca_pem(),
        "token_reviewer_jwt": api.reviewer(&namespace).await,
    });
    let store = json!({ "mounts": { "kubernetes": { "config": mount, "roles": { "orders": role } } } });
    std::fs::write(&file, store.to_string()).unwrap();
    let mut config = server();
    config["store"] = json!({ "type": "file", "path": file });
    config["review"] = json!({ "timeout": "1h" });
    config["shutdown"]["grace"] = json!(grace);
    let rolegate = Rolegate::server(&config.to_string()).await;

    api.hang().await;
    let mut door = client(rolegate.envoy()).await;
    let check = tokio::spawn(async move {
        let answer = door.check(request(&token, "orders")).await.map_err(|status| status.code())?;
        Ok(reason(answer.get_ref()).to_owned())
    });
    eventually("the review is under way", async || {
        let missed = rolegate.metric("rolegate_review_cache_total", &[r#"result="miss""#]).await;
        (missed > 0.0).then_some(())
    })
    .await;
    (rolegate, check)
}

#[tokio::test]
async fn a_check_that_waits_for_its_review_is_finished_while_nobody_new_is_let_in() {
    let api = KubeApiserver::start().await;
    let (rolegate, check) = waiting_check(&api, "1h").await;
    rolegate.signal("TERM");
    eventually("the door is closed", async || TcpStream::connect(rolegate.envoy()).await.err()).await;
    assert_eq!(rolegate.process.exited(), None, "it waits for the check");
    assert!(!check.is_finished());

    api.go_on();
    assert_eq!(within("the check's answer", check).await.unwrap(), Ok("allowed".to_owned()));
    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
}

#[tokio::test]
async fn after_the_grace_period_a_check_that_still_waits_is_cut() {
    let api = KubeApiserver::start().await;
    let (rolegate, check) = waiting_check(&api, "1s").await;
    rolegate.signal("TERM");
    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
    assert!(within("the check's end", check).await.unwrap().is_err());
    rolegate.wait_for_log("connections are cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_that_was_decided_is_lost_in_a_stop_under_load() {
    const UNDER_LOAD: usize = 1000;
    let rolegate = Rolegate::server(&server().to_string()).await;
    let answered = Arc::<AtomicUsize>::default();
    let mut load = JoinSet::new();
    for _ in 0..4 {
        let connection = client(rolegate.envoy()).await;
        for _ in 0..8 {
            let (mut client, answered) = (connection.clone(), answered.clone());
            load.spawn(async move {
                while let Ok(answer) = client.check(CheckRequest::default()).await {
                    assert_eq!(reason(answer.get_ref()), "no_token");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    }
    eventually("load", async || (answered.load(Ordering::SeqCst) >= UNDER_LOAD).then_some(())).await;

    rolegate.signal("TERM");

    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
    tokio::time::timeout(DEADLINE, load.join_all()).await.expect("the load ends with the server");
    let log = rolegate.process.stderr.to_end().await;
    let decided = log.iter().filter(|line| line.contains(r#""reason":"no_token""#)).count();
    assert_eq!(decided, answered.load(Ordering::SeqCst), "decided and answered");
}
