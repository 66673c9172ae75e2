//! A process whose home cluster is a real API server, with that cluster as one mount and as another by another name.

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::value::Kind;
use http_body_util::Full;
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::eventually;
use super::support::http::Client;
use super::support::kube::{ADMIN, KubeApiserver};
use super::support::rolegate::Rolegate;

/// The mount that is the home cluster.
pub(crate) const HOME: &str = "kubernetes";
/// How old labels may be.
const LABELS_TTL: &str = "3s";
/// The mount whose API server nobody can tell to be the same.
pub(crate) const ELSEWHERE: &str = "elsewhere";

pub(crate) struct Stage<'a> {
    pub(crate) api: &'a KubeApiserver,
    pub(crate) namespace: String,
    pub(crate) rolegate: Rolegate,
    _folder: TempDir,
}

impl<'a> Stage<'a> {
    /// With all rights in the home cluster, and everything heard.
    pub(crate) async fn new(api: &'a KubeApiserver) -> Self {
        let stage = Self::as_user(api, &api.token_of_user(ADMIN), api.address().port()).await;
        stage.hears("serviceaccounts").await;
        stage.hears("secrets").await;
        stage.hears("pods").await;
        stage
    }

    /// The home cluster is asked with this bearer at that port; nothing is waited for.
    pub(crate) async fn as_user(api: &'a KubeApiserver, bearer: &str, port: u16) -> Self {
        let namespace = api.namespace(&[]).await;
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("ca.crt");
        std::fs::write(&certificate, api.ca_pem()).unwrap();
        let url = format!("https://127.0.0.1:{port}");
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "home", "cluster": { "server": url, "certificate-authority": certificate } }],
            "users": [{ "name": "rolegate", "user": { "token": bearer } }],
            "contexts": [{ "name": "home", "context": { "cluster": "home", "user": "rolegate" } }],
            "current-context": "home",
        });
        let kubeconfig_file = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig_file, kubeconfig.to_string()).unwrap();
        let reviewer = api.reviewer(&namespace).await;
        let mount = |host: String| {
            let role = json!({
                "bound_service_account_names": ["*"],
                "bound_service_account_namespaces": [namespace],
            });
            let teams = json!({
                "bound_service_account_names": ["*"],
                "bound_service_account_namespace_selector": r#"{ "matchLabels": { "team": "shop" } }"#,
            });
            json!({
                "config": {
                    "kubernetes_host": host,
                    "kubernetes_ca_cert": api.ca_pem(),
                    "token_reviewer_jwt": reviewer,
                },
                "roles": { "orders": role, "teams": teams },
            })
        };
        let store = folder.path().join("store.yaml");
        let elsewhere = format!("https://localhost:{}", api.address().port());
        let mounts = json!({ "mounts": { HOME: mount(url), ELSEWHERE: mount(elsewhere) } });
        std::fs::write(&store, mounts.to_string()).unwrap();
        let config = json!({
            "envoy": { "listen": "127.0.0.1:0" },
            "vault": { "listen": "127.0.0.1:0" },
            "ops": { "listen": "127.0.0.1:0" },
            "store": { "type": "file", "path": store },
            "review": { "cache": { "ttl": "12h", "refused_ttl": "0s" }, "labels_ttl": LABELS_TTL },
            "shutdown": { "lame_duck": "0s" },
        });
        let variables = [("KUBECONFIG", kubeconfig_file.to_str().unwrap()), ("NO_PROXY", "*")];
        let rolegate = Rolegate::server_with(&config.to_string(), &variables).await;
        Self { api, namespace, rolegate, _folder: folder }
    }

    /// Waits until deletions of a resource are heard.
    pub(crate) async fn hears(&self, resource: &str) {
        let label = format!("resource=\"{resource}\"");
        eventually(format!("{resource} are watched"), async || {
            let heard = self.rolegate.metric("rolegate_revocation_watched", &[&label]).await;
            (heard > 0.5).then_some(())
        })
        .await;
    }

    /// Waits until namespaces are watched.
    pub(crate) async fn watches_namespaces(&self) {
        eventually("namespaces are watched", async || {
            (self.rolegate.metric("rolegate_namespaces_watched", &[]).await > 0.5).then_some(())
        })
        .await;
    }

    /// The reason that a Check gets; `allowed` where it is one.
    pub(crate) async fn check(&self, mount: &str, token: &str) -> String {
        self.check_role(mount, "orders", token).await
    }

    /// The same of another role; `teams` selects namespaces by the label `team`.
    pub(crate) async fn check_role(&self, mount: &str, role: &str, token: &str) -> String {
        let headers = [("authorization".to_owned(), format!("Bearer {token}"))];
        let http = HttpRequest {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: headers.into(),
            ..HttpRequest::default()
        };
        let extensions = [("mount", mount), ("role", role)];
        let attributes = AttributeContext {
            request: Some(Request { http: Some(http), ..Request::default() }),
            context_extensions: extensions.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..AttributeContext::default()
        };
        let url = format!("http://{}", self.rolegate.envoy());
        let mut client = AuthorizationClient::connect(url).await.unwrap();
        let answer = client.check(CheckRequest { attributes: Some(attributes) }).await.unwrap().into_inner();
        match answer.dynamic_metadata.unwrap().fields["reason"].kind.clone() {
            Some(Kind::StringValue(reason)) => reason,
            other => panic!("no reason: {other:?}"),
        }
    }

    /// Checks until the reason is this one.
    pub(crate) async fn checks_with(&self, mount: &str, token: &str, reason: &str) {
        eventually(format!("a check with `{reason}`"), async || {
            (self.check(mount, token).await == reason).then_some(())
        })
        .await;
    }

    /// How many TokenReviews a mount's API server was asked.
    pub(crate) async fn reviews(&self, mount: &str) -> f64 {
        self.rolegate.metric("rolegate_reviews_total", &[&format!("mount=\"{mount}\"")]).await
    }

    /// Waits until it has heard that this uid's object is gone. Decisions tell uids, too.
    pub(crate) async fn has_heard(&self, uid: &str) {
        let heard = |line: &str| line.contains("its tokens are reviewed again") && line.contains(uid);
        let line = self.rolegate.process.stderr.wait_for(heard).await;
        assert!(line.is_some(), "{}", self.rolegate.process.stderr.tail());
    }

    /// Has a token allowed and remembered at a mount.
    pub(crate) async fn remembered(&self, mount: &str, token: &str) {
        assert_eq!(self.check(mount, token).await, "allowed");
        let asked = self.reviews(mount).await;
        assert_eq!(self.check(mount, token).await, "allowed");
        assert_eq!(self.reviews(mount).await, asked, "it is not remembered");
    }

    /// What happens to a token at the home mount whose object has just been deleted: it is reviewed anew, and again after
    /// a second each, until the API server, which itself remembers what it took, refuses it.
    pub(crate) async fn is_reviewed_anew(&self, token: &str, uid: &str) {
        self.has_heard(uid).await;
        let asked = self.reviews(HOME).await;
        self.check(HOME, token).await;
        assert_eq!(self.reviews(HOME).await, asked + 1.0, "it counts although it is gone");
        self.checks_with(HOME, token, "token_refused").await;
    }

    /// What the Vault door answers to a client token.
    pub(crate) async fn vault(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        let request = http::Request::post(format!("/v1/{path}")).header("x-vault-token", token);
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let answer = Client::http1(self.rolegate.vault()).send(request).await.unwrap();
        (answer.status.as_u16(), answer.json())
    }

    /// A client token for a service account's.
    pub(crate) async fn login(&self, mount: &str, jwt: &str) -> String {
        let body = json!({ "role": "orders", "jwt": jwt });
        let (status, answer) = self.vault(&format!("auth/{mount}/login"), "", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// A token of a new service account, and the account's uid.
    pub(crate) async fn account(&self, name: &str) -> (String, String) {
        let uid = self.api.service_account(&self.namespace, name).await;
        (self.api.token(&self.namespace, name, &[], 3600).await, uid)
    }

    pub(crate) async fn create<K>(&self, object: Value) -> K
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + serde::Serialize + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.api.client(), &self.namespace);
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
    }

    /// A new pod of a service account: its uid, and a token that is bound to it.
    pub(crate) async fn pod(&self, name: &str, account: &str) -> (String, String) {
        let container = json!({ "name": "main", "image": "none" });
        let spec = json!({ "serviceAccountName": account, "containers": [container] });
        let pod: Pod = self.create(json!({ "metadata": { "name": name }, "spec": spec })).await;
        let uid = pod.metadata.uid.unwrap();
        let bound = json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid });
        let request = json!({ "metadata": {}, "spec": { "audiences": [], "boundObjectRef": bound } });
        let request = serde_json::from_value(request).unwrap();
        let accounts: Api<ServiceAccount> = Api::namespaced(self.api.client(), &self.namespace);
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        (uid, answer.status.unwrap().token)
    }

    /// A new Secret with a service account's token that never runs out: the Secret's uid, and the token. A controller would
    /// do this, which is not there.
    pub(crate) async fn legacy_token(
        &self,
        name: &str,
        account: &str,
        account_uid: &str,
    ) -> (String, String) {
        let claim = |name: &str| format!("kubernetes.io/serviceaccount/{name}");
        let token = self.api.signer.sign(&json!({
            "iss": "kubernetes/serviceaccount",
            "sub": format!("system:serviceaccount:{}:{account}", self.namespace),
            claim("namespace"): self.namespace,
            claim("secret.name"): name,
            claim("service-account.name"): account,
            claim("service-account.uid"): account_uid,
        }));
        let annotations = json!({
            "kubernetes.io/service-account.name": account,
            "kubernetes.io/service-account.uid": account_uid,
        });
        let secret: Secret = self
            .create(json!({
                "metadata": { "name": name, "annotations": annotations },
                "type": "kubernetes.io/service-account-token",
                "stringData": { "token": token },
            }))
            .await;
        (secret.metadata.uid.unwrap(), token)
    }

    pub(crate) async fn delete<K>(&self, name: &str)
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.api.client(), &self.namespace);
        api.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }
}
