//! `bao agent`, which logs in by itself, keeps a token alive and lays it down in a file.

use super::{
    bao::set_up,
    stage::{CLIENTS, Stage, run},
    support::{eventually, process::Process},
};

#[tokio::test]
async fn an_agent_logs_in_lays_its_token_down_and_renews_it() {
    let stage = Stage::start("agent").await;
    set_up(&stage).await;
    std::fs::write(stage.folder.path().join("agent.hcl"), config(&stage)).unwrap();
    let mut command = stage.command(CLIENTS.join("bao"));
    // What the agent holds is its own.
    command.env_remove("VAULT_TOKEN").args(["agent", &format!("-config={}", stage.file("agent.hcl"))]);
    let agent = Process::spawn("bao agent", command);
    let sink = stage.folder.path().join("sink");
    let token = eventually("the agent's token", async || {
        agent.must_run();
        std::fs::read_to_string(&sink).ok().filter(|token| !token.is_empty())
    })
    .await;

    let mut lookup = stage.command(CLIENTS.join("bao"));
    lookup.env("VAULT_TOKEN", &token).args(["token", "lookup", "-format=json"]);
    let seen = run("bao", lookup).await.json();
    assert_eq!(seen["data"]["meta"]["service_account_namespace"], stage.namespace);
    assert_eq!(seen["data"]["creation_ttl"], serde_json::json!(600));

    // It does so as soon as it has one.
    let renewed = |line: &str| line.contains("renewed auth token");
    let told = [agent.stdout.clone(), agent.stderr.clone()];
    eventually("the agent renews its token", async || {
        agent.must_run();
        told.iter().any(|lines| lines.all().iter().any(|line| renewed(line))).then_some(())
    })
    .await;
    assert_eq!(std::fs::read_to_string(&sink).unwrap(), token, "a renewed token is the same token");
}

fn config(stage: &Stage) -> String {
    let file = |name: &str| stage.file(name);
    format!(
        r#"
        auto_auth {{
          method "kubernetes" {{
            mount_path = "auth/{}"
            config = {{ role = "orders", token_path = "{}" }}
          }}
          sink "file" {{ config = {{ path = "{}" }} }}
        }}
        "#,
        stage.mount,
        file("orders.jwt"),
        file("sink"),
    )
}
