//! The plugin dies in the middle, and the API server is away, slow or lying.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::Stage;
use crate::support::{bao_core::kill, eventually, kube::KubeApiserver, upstream::Upstream, within};

#[tokio::test]
async fn logins_succeed_again_after_the_plugin_has_died_in_the_middle_of_one() {
    let stage = Stage::new().await;
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = json!({
        "kubernetes_host": format!("https://{}", between.local_addr().unwrap()),
        "kubernetes_ca_cert": stage.kube.ca_pem(), "token_reviewer_jwt": stage.jwt,
    });
    stage.core.done("POST", "auth/kubernetes/config", Some(config)).await;
    let [before] = stage.core.plugins()[..] else { panic!("{:?}", stage.core.plugins()) };
    let killed = async {
        let (asked, _) = between.accept().await.unwrap();
        kill(before);
        drop(asked);
        loop {
            let (mut asked, _) = between.accept().await.unwrap();
            let mut server = TcpStream::connect(stage.kube.address()).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut asked, &mut server).await });
        }
    };
    let logins = async {
        // The core itself repeats a request only where the plugin had died before it.
        let broken_off = within("the login", stage.login("orders")).await;
        assert!(matches!(broken_off.status.as_u16(), 200 | 500), "{}", broken_off.text());
        // At the very moment of the end one more may fail.
        eventually("a login that succeeds", async || {
            let answer = stage.login("orders").await;
            (answer.status == 200).then_some(())
        })
        .await;
    };
    tokio::select! {
        () = logins => {}
        () = killed => panic!("nobody asks any more"),
    }
    assert_ne!(stage.core.plugins(), [before]);
}

#[tokio::test]
async fn a_killed_plugin_leaves_no_half_role_and_loses_none_that_was_acknowledged() {
    let stage = Stage::new().await;
    let mut acknowledged = BTreeMap::new();
    for round in 0..12 {
        let [before] = stage.core.plugins()[..] else { panic!("{:?}", stage.core.plugins()) };
        let writes = async {
            let mut kept = Vec::new();
            for number in 0..30 {
                let name = format!("r{round}-{number}");
                let role = stage.role(json!({"token_policies": name, "token_num_uses": number + 1}));
                let answer =
                    stage.core.ask("POST", &format!("auth/kubernetes/role/{name}"), Some(role)).await;
                if answer.status.is_success() {
                    kept.push((name, number + 1));
                }
            }
            kept
        };
        let killed = async {
            eventually("some of the writes", async || {
                let name = format!("auth/kubernetes/role/r{round}-{}", round * 2);
                (stage.core.ask("GET", &name, None).await.status == 200).then_some(())
            })
            .await;
            kill(before);
        };
        let (kept, ()) = tokio::join!(writes, killed);
        acknowledged.extend(kept);
        // The next request starts it anew, and all of the writes may have come before the kill.
        eventually("a plugin", async || {
            stage.core.ask("GET", "auth/kubernetes/role/orders", None).await;
            (stage.core.plugins().len() == 1).then_some(())
        })
        .await;
    }
    assert!(acknowledged.len() > 12, "{}", acknowledged.len());
    let listed: Value = stage.core.ask("LIST", "auth/kubernetes/role", None).await.json();
    let names: Vec<&str> =
        listed["data"]["keys"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in acknowledged.keys() {
        assert!(names.contains(&name.as_str()), "acknowledged and lost: {name}");
    }
    for name in names.into_iter().filter(|name| *name != "orders") {
        let role: Value = stage.core.ask("GET", &format!("auth/kubernetes/role/{name}"), None).await.json();
        assert_eq!(role["data"]["token_policies"], json!([name]), "half there: {role}");
        assert!(role["data"]["token_num_uses"].as_i64().unwrap() > 0, "half there: {role}");
    }
}

#[tokio::test]
async fn an_api_server_that_is_away_or_lies_admits_nobody_and_keeps_no_other_mount_waiting() {
    let stage = Stage::new().await;
    let liar = Upstream::start().await;
    for (mount, host) in
        [("away", "http://127.0.0.1:1".to_owned()), ("liar", format!("http://{}", liar.address))]
    {
        stage.core.done("POST", &format!("sys/auth/{mount}"), Some(json!({"type": "rolegate"}))).await;
        let config = json!({"kubernetes_host": host, "disable_local_ca_jwt": true});
        stage.core.done("POST", &format!("auth/{mount}/config"), Some(config)).await;
        let role = stage.role(json!({}));
        stage.core.done("POST", &format!("auth/{mount}/role/orders"), Some(role)).await;
        let fields = json!({"role": "orders", "jwt": stage.jwt});
        let answer = stage.core.ask_as("", "POST", &format!("auth/{mount}/login"), Some(fields), &[]).await;
        assert_eq!(answer.status, 503, "{mount}: {}", answer.text());
    }
    stage.client_token("orders").await;
}

#[tokio::test]
async fn a_slow_api_server_keeps_no_other_mount_waiting() {
    let stage = Stage::new().await;
    let slow = KubeApiserver::start().await;
    stage.core.done("POST", "sys/auth/slow", Some(json!({"type": "rolegate"}))).await;
    let config = json!({"kubernetes_host": slow.url(), "kubernetes_ca_cert": slow.ca_pem()});
    stage.core.done("POST", "auth/slow/config", Some(config)).await;
    stage.core.done("POST", "auth/slow/role/orders", Some(stage.role(json!({})))).await;
    slow.hang().await;
    let fields = json!({"role": "orders", "jwt": stage.jwt});
    let waits = stage.core.ask_as("", "POST", "auth/slow/login", Some(fields), &[]);
    let goes = async {
        stage.client_token("orders").await;
        slow.go_on();
    };
    let (answer, ()) = tokio::join!(within("the slow login", waits), goes);
    // Another cluster's token, or nobody could tell in time.
    assert!(matches!(answer.status.as_u16(), 403 | 503), "{} {}", answer.status, answer.text());
}
