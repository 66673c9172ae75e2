//! Either side dies.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{
    bao_core::{BaoCore, kill},
    eventually,
};

async fn enabled() -> BaoCore {
    let core = BaoCore::start().await;
    for mount in ["one", "two"] {
        core.done("POST", &format!("sys/auth/{mount}"), Some(json!({"type": "rolegate"}))).await;
    }
    core
}

#[tokio::test]
async fn a_plugin_that_is_killed_is_started_anew_by_the_next_request() {
    let core = enabled().await;
    let [before] = core.plugins()[..] else { panic!("{:?}", core.plugins()) };
    kill(before);
    // A request at the very moment of the end may still fail.
    eventually("an answer", async || {
        let answer = core.ask("GET", "auth/one/nothing-there", None).await;
        answer.status.is_client_error().then_some(())
    })
    .await;
    let [after] = core.plugins()[..] else { panic!("{:?}", core.plugins()) };
    assert_ne!(before, after);
    let answer = core.ask("GET", "auth/two/nothing-there", None).await;
    assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.text());
}

#[tokio::test]
async fn a_core_that_is_killed_leaves_no_plugin_and_its_plugin_no_socket() {
    let core = enabled().await;
    assert_eq!(core.plugins().len(), 1);
    let own = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("rolegate-");
    assert_eq!(core.sockets().iter().filter(|path| own(path)).count(), 1);
    core.kill();
    core.no_plugin_runs().await;
    assert!(!core.sockets().iter().any(own), "{:?}", core.sockets());
}

#[tokio::test]
async fn an_interrupt_at_the_terminal_ends_the_core_which_ends_its_plugin() {
    let core = enabled().await;
    core.interrupt().await;
    core.no_plugin_runs().await;
    assert_eq!(core.sockets(), Vec::<PathBuf>::new());
    let log = core.log();
    assert!(!log.contains("stopped by a signal"), "{log}");
}
