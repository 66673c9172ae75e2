//! Whole programs with a client library: what they do and demand is in their own sources beside this one.

use super::stage::{CLIENTS, Stage, run};

#[tokio::test]
async fn hvac_sets_up_logs_in_lives_and_leaves() {
    let stage = Stage::start("hvac").await;
    let mut command = stage.command(CLIENTS.join("python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/hvac_client.py"));
    run("hvac", command).await.ok();
}

#[tokio::test]
async fn vaults_go_client_sets_up_logs_in_and_watches_its_token_to_the_end() {
    let stage = Stage::start("go").await;
    run("go client", stage.command(CLIENTS.join("go-client"))).await.ok();
}
