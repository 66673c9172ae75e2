//! Starting: the ready line, the configuration's mistakes, the environment.

use std::{net::TcpListener, path::Path};

use serde_json::{Value, json};

use super::{
    asking::{client, request, server},
    support::rolegate::{Finished, Rolegate},
};

#[tokio::test]
async fn one_line_on_standard_output_names_every_door_and_logs_go_to_standard_error() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    rolegate.ops_get("/readyz").await;
    rolegate.signal("TERM");
    assert_eq!(rolegate.wait_exit().await.code(), Some(0));
    let (envoy, ops) = (rolegate.envoy(), rolegate.ops());
    assert!(envoy.port() != 0 && ops.port() != 0 && envoy != ops);
    assert_eq!(rolegate.process.stdout.to_end().await, [format!("ready envoy={envoy} ops=http://{ops}")]);
    let logs = rolegate.process.stderr.to_end().await;
    assert!(!logs.is_empty());
    for line in logs {
        assert!(serde_json::from_str::<Value>(&line).is_ok(), "a log line that is no JSON: {line}");
    }
}

#[tokio::test]
async fn a_taken_port_is_one_line_that_names_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for door in ["envoy", "ops"] {
        let mut config = server();
        config[door]["listen"] = json!(address);
        let finished = run("server", &config).await;
        assert_refused(&finished, &[&address]);
    }
}

/// Runs `server --config FILE` or `check-config FILE`.
async fn run(command: &str, config: &Value) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rolegate.yaml");
    std::fs::write(&file, config.to_string()).unwrap();
    run_file(command, &file).await
}

async fn run_file(command: &str, file: &Path) -> Finished {
    let file = file.to_str().unwrap();
    match command {
        "server" => Rolegate::run(&["server", "--config", file]).await,
        _ => Rolegate::run(&[command, file]).await,
    }
}

/// Exit code 2, nothing on standard output, and one line besides the log, with all these words.
#[track_caller]
fn assert_refused(finished: &Finished, words: &[&str]) {
    let Finished { status, stdout, stderr } = finished;
    assert_eq!((status.code(), stdout.as_str()), (Some(2), ""), "{stderr}");
    let told: Vec<_> = stderr.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(told.len(), 1, "{stderr}");
    for word in words {
        assert!(told[0].contains(word), "no `{word}` in `{}`", told[0]);
    }
}

#[tokio::test]
async fn a_mistake_is_told_with_file_key_and_expectation_by_server_and_check_config_alike() {
    for (pointer, value, words) in [
        ("/envoy/listen", json!("nowhere"), vec!["envoy.listen", "expected an IP address and port"]),
        ("/envoy/lissten", json!(1), vec!["envoy.lissten", "unknown key", "`listen`"]),
        ("/envoy/listen", json!("0.0.0.0:0"), vec!["envoy.tls", "expected `cert_file`"]),
        ("/review", json!({ "timeout": "0s" }), vec!["review.timeout", "expected a duration above zero"]),
        ("/store/type", json!("etcd"), vec!["store.type", "expected one of `memory`, `file`"]),
        ("/store", json!({ "type": "file", "path": "/nowhere/store.yaml" }), vec!["/nowhere/store.yaml"]),
        (
            "/envoy/tls",
            json!({ "cert_file": "/nowhere/tls.crt", "key_file": "/nowhere/tls.key" }),
            vec!["/nowhere/tls.crt"],
        ),
    ] {
        let mut config = server();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[key] = value;
        for command in ["server", "check-config"] {
            let finished = run(command, &config).await;
            assert_refused(&finished, &words);
            if !words[0].starts_with('/') {
                assert_refused(&finished, &["rolegate.yaml"]);
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_and_wrong_usage_are_exit_code_2() {
    for command in ["server", "check-config"] {
        assert_refused(&run_file(command, Path::new("/nowhere/x.yaml")).await, &["/nowhere/x.yaml"]);
    }
    for arguments in [&[][..], &["server"], &["serve"], &["dev", "--envoy-listen", "nowhere"]] {
        let finished = Rolegate::run(arguments).await;
        assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn check_config_tells_good_files_of_both_kinds_and_the_stores_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("rolegate.yaml"), folder.path().join("store.yaml"));
    let mut config = server();
    config["store"] = json!({ "type": "file", "path": "store.yaml" });
    std::fs::write(&file, config.to_string()).unwrap();
    let role = json!({ "bound_service_account_names": "orders", "bound_service_account_namespaces": "shop" });
    let good = json!({ "mounts": { "kubernetes": { "roles": { "orders": role } } } });
    std::fs::write(&store, good.to_string()).unwrap();
    for good in [&file, &store] {
        let finished = run_file("check-config", good).await;
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        assert!(finished.stdout.contains(good.to_str().unwrap()), "{}", finished.stdout);
    }

    let bad = json!({ "mounts": { "kubernetes": { "roles": { "orders": { "bound_names": "orders" } } } } });
    std::fs::write(&store, bad.to_string()).unwrap();
    let words = [store.to_str().unwrap(), "mounts.kubernetes.roles.orders.bound_names", "unknown key"];
    for (command, file) in [("check-config", &store), ("check-config", &file), ("server", &file)] {
        assert_refused(&run_file(command, file).await, &words);
    }
}

#[tokio::test]
async fn variables_override_the_file_and_unknown_ones_are_warned_of() {
    let mut config = server();
    config["envoy"]["listen"] = json!("127.0.0.1:1");
    let variables = [
        ("ROLEGATE_ENVOY__LISTEN", "127.0.0.1:0"),
        ("ROLEGATE_ENVOY__DEFAULT__ROLE", "orders"),
        ("ROLEGATE_PORT_9191_TCP", "tcp://10.1.2.3:9191"),
        ("ROLEGATE_ROOT_TOKEN", "hunter2"),
    ];
    let rolegate = Rolegate::server_with(&config.to_string(), &variables).await;
    assert_ne!(rolegate.envoy().port(), 1);
    let warning = rolegate.wait_for_log("ROLEGATE_PORT_9191_TCP").await;
    assert!(warning.contains("WARN"), "{warning}");
    let answer =
        client(rolegate.envoy()).await.check(request(&super::asking::look_alike("orders"), "")).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(super::asking::reason(&answer), "unknown_mount", "the default role is asked for");
    for line in rolegate.process.stderr.all() {
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[tokio::test]
async fn a_variable_with_a_wrong_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rolegate.yaml");
    std::fs::write(&file, server().to_string()).unwrap();
    let arguments = ["server", "--config", file.to_str().unwrap()];
    let finished = Rolegate::run_with(&arguments, &[("ROLEGATE_REVIEW__TIMEOUT", "soon")]).await;
    assert_refused(&finished, &["ROLEGATE_REVIEW__TIMEOUT", "review.timeout", "such as `5s`"]);
}
