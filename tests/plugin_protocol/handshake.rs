//! What is said at the start, and who is not served.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::core::Identity;
use crate::started::{COOKIE, Started, files, spawn};
use crate::support::process::{Process, command_of};

/// Starts a plugin that must not serve: nothing on standard output, one sentence on standard error.
async fn refused(arguments: &[&str], variables: &[(&str, &str)], sentence: &str) {
    let process = spawn(arguments, variables);
    assert_eq!(process.wait_exit().await.code(), Some(1));
    assert_eq!(process.stdout.to_end().await, Vec::<String>::new());
    let log = process.stderr.to_end().await.join("\n");
    assert!(log.contains(sentence), "{sentence}: {log}");
}

#[tokio::test]
async fn started_by_hand_it_says_what_to_type_with_its_own_digest() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_rolegate")).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &program);
    let digest = rolegate::core::hex::hex(digest.as_ref());
    let command = format!("plugin register -sha256={digest} -command=rolegate -args=plugin auth kubernetes");
    refused(&["plugin"], &[], &command).await;
    refused(&["plugin"], &[(COOKIE.0, "another")], "bao auth enable kubernetes").await;
}

#[tokio::test]
async fn an_older_protocol_and_a_core_without_a_certificate_are_refused() {
    let pem = Identity::new().pem;
    let certificate = ("PLUGIN_CLIENT_CERT", pem.as_str());
    let spoken = "only version 5 is spoken";
    for arguments in [&["plugin"] as &[&str], &[]] {
        refused(arguments, &[COOKIE, certificate, ("PLUGIN_PROTOCOL_VERSIONS", "3,4")], spoken).await;
        refused(arguments, &[COOKIE, certificate], spoken).await;
        refused(arguments, &[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "5")], "`PLUGIN_CLIENT_CERT`").await;
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_told() {
    let pem = Identity::new().pem;
    let variables = [
        COOKIE,
        ("PLUGIN_CLIENT_CERT", pem.as_str()),
        ("PLUGIN_PROTOCOL_VERSIONS", "5"),
        ("PLUGIN_UNIX_SOCKET_DIR", "/not/there"),
    ];
    refused(&["plugin"], &variables, "cannot listen on `/not/there/").await;
}

#[tokio::test]
async fn the_line_is_the_only_one_and_the_socket_is_its_owners() {
    let started = Started::with(&["plugin"], &[]).await;
    let prefix = format!("1|5|unix|{}/rolegate-", started.folder.path().display());
    assert!(started.line.starts_with(&prefix), "{}", started.line);
    assert_eq!(started.line.split('|').count(), 6, "{}", started.line);
    assert!(!started.line.ends_with('='), "{}", started.line);
    let mode = std::fs::metadata(started.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(started.connect().await.is_served().await);
    started.process.signal("TERM");
    assert!(started.process.wait_exit().await.success());
    assert_eq!(started.process.stdout.to_end().await.len(), 1);
    assert_eq!(started.left(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn the_socket_is_where_the_core_wants_it_and_one_socket_for_all_is_declined() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let variables = [("PLUGIN_UNIX_SOCKET_DIR", directory), ("PLUGIN_MULTIPLEX_GRPC", "true")];
    let started = Started::with(&[], &variables).await;
    assert_eq!(files(folder.path()), [started.socket()]);
    assert!(started.line.ends_with("|false"), "{}", started.line);
}

#[tokio::test]
async fn locked_memory_is_locked_or_nothing_is_served() {
    let (pem, folder) = (Identity::new().pem, tempfile::tempdir().unwrap());
    let process = spawn(&["plugin"], &wanting_locked_memory(&pem, &folder));
    if process.stdout.wait_for(|_| true).await.is_some() {
        assert!(process.memory("VmLck") > 0);
    } else {
        assert_eq!(process.wait_exit().await.code(), Some(1));
        let log = process.stderr.to_end().await.join("\n");
        assert!(log.contains("the core asks for locked memory"), "{log}");
    }
}

#[tokio::test]
async fn memory_that_cannot_be_locked_is_told_and_no_socket_is_made() {
    let (pem, folder) = (Identity::new().pem, tempfile::tempdir().unwrap());
    let mut words = vec!["prlimit", "--memlock=65536", "--"];
    // Whoever is not root lacks the capability anyway.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        words.extend(["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "--"]);
    }
    let mut command = command_of(words.remove(0));
    command.args(words).args([env!("CARGO_BIN_EXE_rolegate"), "plugin"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").envs(wanting_locked_memory(&pem, &folder));
    let process = Process::spawn("rolegate", command);
    assert_eq!(process.wait_exit().await.code(), Some(1));
    assert_eq!(process.stdout.to_end().await, Vec::<String>::new());
    let log = process.stderr.to_end().await.join("\n");
    assert!(log.contains("needs the capability `IPC_LOCK`"), "{log}");
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
}

fn wanting_locked_memory<'a>(pem: &'a str, folder: &'a tempfile::TempDir) -> [(&'a str, &'a str); 5] {
    [
        COOKIE,
        ("PLUGIN_CLIENT_CERT", pem),
        ("PLUGIN_PROTOCOL_VERSIONS", "5"),
        ("VAULT_PLUGIN_MLOCK_ENABLED", "true"),
        ("TMPDIR", folder.path().to_str().unwrap()),
    ]
}

#[tokio::test]
async fn what_configures_the_core_does_not_configure_its_plugin() {
    let variables =
        [("RUST_LOG", "trace"), ("ROLEGATE_STORE__KIND", "nonsense"), ("ROLEGATE_ROOT_TOKEN", "secret")];
    let started = Started::with(&["plugin"], &variables).await;
    assert!(started.connect().await.is_served().await);
    started.process.signal("TERM");
    started.process.wait_exit().await;
    for line in started.process.stderr.to_end().await {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(["info", "warn", "error"].contains(&line["@level"].as_str().unwrap()), "{line}");
        for key in ["@message", "@timestamp", "@module"] {
            assert!(line[key].is_string(), "{line}");
        }
    }
}
