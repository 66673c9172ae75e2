//! curl, called as Vault's documentation calls it: its JSON goes under the content type of a form.

use serde_json::{Value, json};

use super::stage::{Stage, run};

#[tokio::test]
async fn curl_does_as_the_documentation_says() {
    let stage = Stage::start("curl").await;
    let mount = stage.mount.as_str();
    let (root, nobody) = (Some(stage.root.as_str()), None);
    let curl = Curl(&stage);

    curl.send(root, "POST", &format!("sys/auth/{mount}"), Some(json!({ "type": "kubernetes" })))
        .await
        .is(204);
    let policy = json!({ "policy": stage.policy() });
    curl.send(root, "PUT", &format!("sys/policies/acl/{mount}"), Some(policy)).await.is(204);
    curl.send(root, "POST", &format!("auth/{mount}/config"), Some(stage.config())).await.is(204);
    let role = format!("auth/{mount}/role/orders");
    let written = curl.send(root, "POST", &role, Some(stage.role("10m"))).await.is(200);
    let warning = written["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Role orders does not have an audience configured."), "{warning}");
    let listed = curl.send(root, "LIST", &format!("auth/{mount}/role"), None).await.is(200);
    assert_eq!(listed["data"]["keys"], json!(["orders"]));

    let login = async |role: &str, token: &str| {
        let body = json!({ "role": role, "jwt": stage.text(token) });
        curl.send(nobody, "POST", &format!("auth/{mount}/login"), Some(body)).await
    };
    let auth = login("orders", "orders.jwt").await.is(200)["auth"].clone();
    assert_eq!(auth["policies"], json!(["default", mount]));
    assert_eq!(auth["lease_duration"], json!(600));
    login("nope", "orders.jwt").await.refused(400, r#"invalid role name "nope""#);
    login("orders", "stranger.jwt").await.refused(403, "namespace not authorized");

    let token = auth["client_token"].as_str();
    let seen = curl.send(token, "GET", "auth/token/lookup-self", None).await.is(200);
    assert_eq!(seen["data"]["id"].as_str(), token);
    let renewed =
        curl.send(token, "POST", "auth/token/renew-self", Some(json!({ "increment": "20m" }))).await;
    assert_eq!(renewed.is(200)["auth"]["lease_duration"], json!(1200));
    curl.send(token, "GET", &role, None).await.is(200);
    curl.send(token, "POST", "auth/token/revoke-self", None).await.is(204);
    assert_eq!(curl.send(token, "GET", "auth/token/lookup-self", None).await.status, 403);

    curl.send(root, "DELETE", &role, None).await.is(204);
    curl.send(root, "DELETE", &format!("sys/policies/acl/{mount}"), None).await.is(204);
    curl.send(root, "DELETE", &format!("sys/auth/{mount}"), None).await.is(204);
}

struct Curl<'a>(&'a Stage);

struct Answer {
    status: u16,
    body: String,
}

impl Curl<'_> {
    async fn send(&self, token: Option<&str>, method: &str, path: &str, payload: Option<Value>) -> Answer {
        let mut command = self.0.command("curl");
        command.args(["--silent", "--show-error", "--request", method, "--write-out", "\n%{http_code}"]);
        if let Some(token) = token {
            command.args(["--header", &format!("X-Vault-Token: {token}")]);
        }
        if let Some(payload) = payload {
            std::fs::write(self.0.folder.path().join("payload.json"), payload.to_string()).unwrap();
            command.args(["--data", &format!("@{}", self.0.file("payload.json"))]);
        }
        if let Some(ca) = &self.0.server_ca {
            command.args(["--cacert", ca]);
        }
        command.arg(format!("{}/v1/{path}", self.0.url));
        let told = run("curl", command).await.ok();
        let (body, status) = told.rsplit_once('\n').unwrap();
        Answer { status: status.parse().unwrap(), body: body.to_owned() }
    }
}

impl Answer {
    /// The body; an answer of another status fails the test.
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    #[track_caller]
    fn refused(self, status: u16, sentence: &str) {
        assert_eq!(self.is(status), json!({ "errors": [sentence] }));
    }
}
