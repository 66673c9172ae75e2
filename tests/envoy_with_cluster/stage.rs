//! Envoy with `envoy/production.yaml`, rolegate and an API server, each changed as a test needs it.

use std::{net::SocketAddr, path::Path};

use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    certificates::Authority,
    envoy::{self, Envoy},
    eventually,
    http::{Answer, Client},
    kube::KubeApiserver,
    rolegate::Rolegate,
    upstream::Upstream,
};

/// What is to run; a test changes what it is about and calls `start`.
pub(crate) struct Plan<'a> {
    pub(crate) api: &'a KubeApiserver,
    /// A namespace of the test, with the service accounts `orders` and `reviewer`.
    pub(crate) namespace: String,
    /// The uid of `orders`.
    pub(crate) uid: String,
    /// The configuration of `rolegate server`.
    pub(crate) server: Value,
    /// The file store: mount `kubernetes` with the role `orders`.
    pub(crate) store: Value,
    /// Texts of Envoy's configuration, each there once, and what stands there instead.
    pub(crate) edits: Vec<(String, String)>,
    pub(crate) certificates: Certificates,
}

/// What runs.
pub(crate) struct Stage<'a> {
    pub(crate) plan: Plan<'a>,
    pub(crate) upstream: Upstream,
    pub(crate) rolegate: Rolegate,
    pub(crate) envoy: Envoy,
}

/// How an answer says no.
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) status: u16,
    /// The error code of the challenge.
    pub(crate) error: Option<&'static str>,
    pub(crate) sentence: &'static str,
}

impl<'a> Plan<'a> {
    pub(crate) async fn new(api: &'a KubeApiserver) -> Self {
        let namespace = api.namespace(&[]).await;
        let uid = api.service_account(&namespace, "orders").await;
        let certificates = Certificates::new();
        let folder = certificates.folder.path();
        let server = json!({
            "envoy": {
                "listen": "127.0.0.1:0",
                "tls": {
                    "cert_file": folder.join("rolegate/tls.crt"),
                    "key_file": folder.join("rolegate/tls.key"),
                    "client_ca_file": folder.join("gate/ca.crt"),
                },
            },
            "ops": { "listen": "127.0.0.1:0" },
            "store": { "type": "file", "path": folder.join("store.yaml") },
            "shutdown": { "lame_duck": "0s" },
        });
        let config = json!({
            "kubernetes_host": api.url(),
            "kubernetes_ca_cert": api.ca_pem(),
            "token_reviewer_jwt": api.reviewer(&namespace).await,
        });
        let roles = json!({ "orders": role("orders", &namespace) });
        let store = json!({ "mounts": { "kubernetes": { "config": config, "roles": roles } } });
        Self { api, namespace, uid, server, store, edits: Vec::new(), certificates }
    }

    /// The mount's config.
    pub(crate) fn config(&mut self) -> &mut Value {
        &mut self.store["mounts"]["kubernetes"]["config"]
    }

    /// The mount's roles.
    pub(crate) fn roles(&mut self) -> &mut Value {
        &mut self.store["mounts"]["kubernetes"]["roles"]
    }

    /// How long reviews are remembered, allowed and refused ones.
    pub(crate) fn remember_reviews(&mut self, ttl: &str) {
        self.server["review"]["cache"] = json!({ "ttl": ttl, "refused_ttl": ttl });
    }

    /// Has Envoy believe the identity headers of clients, so that only rolegate stands against them.
    pub(crate) fn let_spoofed_headers_into_envoy(&mut self) {
        self.edit("key_matcher: { prefix: x-rolegate- } }\n\n", "key_matcher: { prefix: x-none- } }\n\n");
        self.edit(
            "headers_with_underscores_action: REJECT_REQUEST",
            "headers_with_underscores_action: ALLOW",
        );
    }

    /// Envoy's configuration with `to` instead of `from`.
    pub(crate) fn edit(&mut self, from: &str, to: &str) {
        self.edits.push((from.to_owned(), to.to_owned()));
    }

    /// A token of `orders` for the API server's own audience.
    pub(crate) async fn token(&self) -> String {
        self.api.token(&self.namespace, "orders", &[], 3600).await
    }

    /// Puts the store as it is now in the place of the file, at once.
    pub(crate) fn write_store(&self) {
        let folder = self.certificates.folder.path();
        std::fs::write(folder.join("store.new"), self.store.to_string()).unwrap();
        std::fs::rename(folder.join("store.new"), folder.join("store.yaml")).unwrap();
    }

    pub(crate) async fn start(self) -> Stage<'a> {
        self.write_store();
        let upstream = Upstream::start().await;
        let rolegate = Rolegate::server(&self.server.to_string()).await;
        let envoy = self.envoy(rolegate.envoy(), upstream.address).await;
        Stage { plan: self, upstream, rolegate, envoy }
    }

    async fn envoy(&self, rolegate: SocketAddr, upstream: SocketAddr) -> Envoy {
        let mut yaml = envoy::production(self.certificates.folder.path(), rolegate, upstream);
        for (from, to) in &self.edits {
            envoy::replace(&mut yaml, from, to, 1);
        }
        Envoy::start(&yaml).await
    }
}

/// A role that binds one service account of a namespace, with a policy of that name.
pub(crate) fn role(account: &str, namespace: &str) -> Value {
    json!({
        "bound_service_account_names": [account],
        "bound_service_account_namespaces": [namespace],
        "token_policies": [account],
    })
}

impl Stage<'_> {
    /// A client of HTTP/1.1 over TLS.
    pub(crate) fn http1(&self) -> Client {
        self.over_tls(Client::http1(self.envoy.listener("front")))
    }

    /// A client of HTTP/2 over TLS.
    pub(crate) fn http2(&self) -> Client {
        self.over_tls(Client::http2(self.envoy.listener("front")))
    }

    /// GET over HTTP/1.1 with a bearer.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.http1().get(path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Checks that `answer` to GET `path` is this refusal, told alike in Envoy's log and rolegate's.
    pub(crate) async fn assert_refused(&self, path: &str, answer: &Answer, refusal: &Refusal) {
        let Refusal { reason, status, error, sentence } = refusal;
        assert_eq!(answer.status, *status, "{reason}: {answer:?}");
        assert_eq!(answer.header("x-upstream"), None, "{reason}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{reason}");
        assert_eq!(answer.json::<Value>(), json!({ "errors": [sentence] }), "{reason}");
        let challenge = match error {
            _ if *status == 503 => None,
            None => Some(r#"Bearer realm="rolegate""#.to_owned()),
            Some(error) => Some(format!(r#"Bearer realm="rolegate", error="{error}""#)),
        };
        assert_eq!(answer.header("www-authenticate"), challenge.as_deref(), "{reason}");
        assert_eq!(answer.header("retry-after").is_some(), *status == 503, "{reason}: retry-after");
        let outcome = if *status == 503 { "undecided" } else { "deny" };
        let logged = self.logged(path).await;
        assert_eq!((&logged["outcome"], &logged["reason"]), (&json!(outcome), &json!(reason)));
        let id = logged["decision_id"].as_str().unwrap();
        let line = self.rolegate.wait_for_log(id).await;
        assert!(line.contains(reason) && line.contains(outcome), "{line}");
        let ours = answer.headers.keys().find(|name| name.as_str().starts_with("x-rolegate"));
        assert_eq!(ours, None, "no identity header goes to the client");
    }

    /// Waits until this came of reading the keys that the mount's API server publishes.
    pub(crate) async fn keys_are(&self, result: &str) {
        let labels = [r#"mount="kubernetes""#, &format!(r#"result="{result}""#)];
        eventually(format_args!("the published keys are {result}"), async || {
            (self.rolegate.metric("rolegate_local_keys", &labels).await == 1.0).then_some(())
        })
        .await;
    }

    /// Envoy's log line of the first request with this path.
    pub(crate) async fn logged(&self, path: &str) -> Value {
        let wanted = |line: &str| serde_json::from_str(line).ok().filter(|line: &Value| line["path"] == path);
        let line = self.envoy.process.stdout.wait_for(|line| wanted(line).is_some()).await;
        wanted(&line.unwrap_or_else(|| self.envoy.process.fail(&format!("`{path}` not logged")))).unwrap()
    }

    fn over_tls(&self, client: Client) -> Client {
        client.host("shop.example.com").tls(self.plan.certificates.trust())
    }
}

/// What production.yaml and rolegate name, in a folder of the test.
pub(crate) struct Certificates {
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        authority.server(&["shop.example.com"]).write_to(&folder.path().join("front"));
        authority.server(&["rolegate.rolegate.svc.cluster.local"]).write_to(&folder.path().join("rolegate"));
        authority.client(&["envoy"]).write_to(&folder.path().join("gate"));
        std::fs::write(folder.path().join("gate/ca.crt"), &authority.pem).unwrap();
        Self { authority, folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn trust(&self) -> ClientConfig {
        self.authority.client_config(None)
    }
}
