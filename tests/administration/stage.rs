//! A rolegate whose home cluster is a real API server, and the service accounts that administer it.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{Answer, Client};
use crate::support::kube::KubeApiserver;
use crate::support::rolegate::Rolegate;

/// Where rights are asked for.
pub(crate) const NAMESPACE: &str = "rolegate";
pub(crate) const ROOT: &str = "the.root.token";
const CONFIG: &str = "{vault: {listen: '127.0.0.1:0'}, ops: {listen: '127.0.0.1:0'}, store: {type: memory}, \
                      shutdown: {lame_duck: 0s, grace: 5s}}";

/// One test's rolegate and namespace.
pub(crate) struct Stage<'a> {
    pub(crate) api: &'a KubeApiserver,
    pub(crate) rolegate: Rolegate,
    /// Where the service accounts are.
    pub(crate) namespace: String,
    accounts: AtomicUsize,
    _folder: TempDir,
}

/// Whoever asks.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) token: String,
    /// The role that says what it may do, and its binding.
    pub(crate) binding: String,
}

impl<'a> Stage<'a> {
    /// With a service account for rolegate that may ask for reviews.
    pub(crate) async fn start(api: &'a KubeApiserver) -> Self {
        Self::start_as(api, true).await
    }

    pub(crate) async fn start_as(api: &'a KubeApiserver, may_review: bool) -> Self {
        let namespace = api.namespace(&[]).await;
        namespace_of_rolegate(api).await;
        api.service_account(&namespace, "rolegate").await;
        if may_review {
            api.allow_reviews(&namespace, "rolegate").await;
        }
        let own = api.token(&namespace, "rolegate", &[], 3600).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig(api, folder.path(), &own)).unwrap();
        let variables = [
            ("KUBECONFIG", file.to_str().unwrap()),
            ("ROLEGATE_ROOT_TOKEN", ROOT),
            // Nothing listens there, and nobody asks.
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ];
        let rolegate = Rolegate::server_with(CONFIG, &variables).await;
        let stage = Self { api, rolegate, namespace, accounts: AtomicUsize::new(0), _folder: folder };
        stage.root("POST", "sys/auth/kubernetes", json!({"type": "kubernetes"})).await.is(204);
        stage
    }

    /// A rolegate without a home cluster.
    pub(crate) async fn homeless() -> Rolegate {
        Rolegate::server_with(CONFIG, &[("KUBECONFIG", ""), ("ROLEGATE_ROOT_TOKEN", ROOT)]).await
    }

    /// A new service account that may do what these rules on the group `rolegate.dev` say, each of verbs, resource, and
    /// the names that it is for (none: all).
    pub(crate) async fn account(&self, rules: &[(&[&str], &str, &[&str])]) -> Account {
        let name = format!("account-{}", self.accounts.fetch_add(1, Ordering::SeqCst));
        self.api.service_account(&self.namespace, &name).await;
        let rules: Vec<Value> = rules
            .iter()
            .map(|(verbs, resource, names)| {
                let group = ["rolegate.dev"];
                json!({"apiGroups": group, "verbs": verbs, "resources": [resource], "resourceNames": names})
            })
            .collect();
        let binding = self.api.allow(NAMESPACE, &self.namespace, &name, rules.into()).await;
        let token = self.api.token(&self.namespace, &name, &["rolegate"], 3600).await;
        Account { name, token, binding }
    }

    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> Said {
        ask(&self.rolegate, token, method, path, body, &[]).await
    }

    pub(crate) async fn root(&self, method: &str, path: &str, body: Value) -> Said {
        self.ask(ROOT, method, path, body).await
    }
}

/// One request to the Vault door.
pub(crate) async fn ask(
    rolegate: &Rolegate,
    token: &str,
    method: &str,
    path: &str,
    body: Value,
    headers: &[(&str, &str)],
) -> Said {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
    if !token.is_empty() {
        request = request.header("x-vault-token", token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    Said(Client::http1(rolegate.vault()).send(request).await.unwrap())
}

/// An answer of the Vault door.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Answer);

impl Said {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.0.status, status, "{}", self.0.text());
        serde_json::from_slice(&self.0.body).unwrap_or_default()
    }

    /// The status, and the one error.
    #[track_caller]
    pub(crate) fn refused(self, status: u16) -> String {
        let body = self.is(status);
        body["errors"][0].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

/// A role's fields; with a policy where one is named.
pub(crate) fn role(policies: &str) -> Value {
    let role =
        json!({"bound_service_account_names": "a", "bound_service_account_namespaces": "b", "audience": "x"});
    let mut role = role.as_object().unwrap().clone();
    if !policies.is_empty() {
        role.insert("token_policies".to_owned(), policies.into());
    }
    role.into()
}

async fn namespace_of_rolegate(api: &KubeApiserver) {
    let namespaces = kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(api.client());
    let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).unwrap();
    match namespaces.create(&kube::api::PostParams::default(), &namespace).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => panic!("{error}"),
    }
}

fn kubeconfig(api: &KubeApiserver, folder: &std::path::Path, token: &str) -> String {
    let ca = folder.join("ca.crt");
    std::fs::write(&ca, api.ca_pem()).unwrap();
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "home", "cluster": {"server": api.url(), "certificate-authority": ca}}],
        "users": [{"name": "rolegate", "user": {"token": token}}],
        "contexts": [{"name": "home", "context": {"cluster": "home", "user": "rolegate"}}],
        "current-context": "home",
    })
    .to_string()
}
