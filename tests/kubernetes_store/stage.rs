//! An API server that knows the custom resources, and replicas of rolegate over one namespace of it.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::support::eventually;
use super::support::http::Client;
use super::support::kube::{ADMIN, KubeApiserver};
use super::support::rolegate::Rolegate;

/// The root token of every replica.
const ROOT: &str = "root-of-the-test";

/// A namespace with what the tests of one story need.
pub(crate) struct Stage<'a> {
    pub(crate) api: &'a KubeApiserver,
    pub(crate) namespace: String,
    reviewers: OnceCell<String>,
    folder: TempDir,
}

/// A running `rolegate server`.
pub(crate) struct Replica {
    pub(crate) rolegate: Rolegate,
    vault: Client,
}

impl<'a> Stage<'a> {
    /// A namespace of an API server that knows the custom resources.
    pub(crate) async fn new(api: &'a KubeApiserver) -> Self {
        apply_definitions(api).await;
        Self::bare(api).await
    }

    /// The same without a word of custom resources.
    pub(crate) async fn bare(api: &'a KubeApiserver) -> Self {
        let namespace = api.namespace(&[]).await;
        api.service_account(&namespace, "orders").await;
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("ca.crt");
        std::fs::write(&certificate, api.ca_pem()).unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "home", "cluster": { "server": api.url(), "certificate-authority": certificate } }],
            "users": [{ "name": "rolegate", "user": { "token": api.token_of_user(ADMIN) } }],
            "contexts": [{ "name": "home", "context": { "cluster": "home", "user": "rolegate" } }],
            "current-context": "home",
        });
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self { api, namespace, reviewers: OnceCell::const_new(), folder }
    }

    /// One more replica. It need not be ready.
    pub(crate) async fn replica(&self) -> Replica {
        self.replica_by("kubeconfig").await
    }

    /// The same with another's rights.
    pub(crate) async fn replica_as(&self, bearer: &str) -> Replica {
        let admins = std::fs::read_to_string(self.folder.path().join("kubeconfig")).unwrap();
        let theirs = admins.replace(&self.api.token_of_user(ADMIN), bearer);
        std::fs::write(self.folder.path().join("theirs"), theirs).unwrap();
        self.replica_by("theirs").await
    }

    async fn replica_by(&self, kubeconfig: &str) -> Replica {
        let config = json!({
            "envoy": { "listen": "127.0.0.1:0", "plaintext": true },
            "vault": { "listen": "127.0.0.1:0" },
            "ops": { "listen": "127.0.0.1:0" },
            "store": { "type": "kubernetes", "namespace": self.namespace },
            "review": { "timeout": "2s" },
            "shutdown": { "lame_duck": "0s", "grace": "5s" },
        });
        let kubeconfig = self.folder.path().join(kubeconfig);
        let variables =
            [("KUBECONFIG", kubeconfig.to_str().unwrap()), ("ROLEGATE_ROOT_TOKEN", ROOT), ("NO_PROXY", "*")];
        let rolegate = Rolegate::server_with(&config.to_string(), &variables).await;
        let vault = Client::http1(rolegate.vault());
        Replica { rolegate, vault }
    }

    /// One more replica, which has loaded everything.
    pub(crate) async fn ready_replica(&self) -> Replica {
        let replica = self.replica().await;
        replica.is_ready().await;
        replica
    }

    /// A mount's config as the Vault door takes it, for the API server itself.
    pub(crate) async fn config(&self) -> Value {
        json!({
            "kubernetes_host": self.api.url(),
            "kubernetes_ca_cert": self.api.ca_pem(),
            "token_reviewer_jwt": self.reviewer().await,
        })
    }

    /// A token of a service account that may review.
    pub(crate) async fn reviewer(&self) -> String {
        self.reviewers.get_or_init(|| self.api.reviewer(&self.namespace)).await.clone()
    }

    /// Another token of that service account.
    pub(crate) async fn new_reviewer(&self) -> String {
        self.reviewer().await;
        self.api.token(&self.namespace, "reviewer", &[], 7200).await
    }

    /// A token of the service account `orders`.
    pub(crate) async fn token(&self) -> String {
        self.api.token(&self.namespace, "orders", &[], 3600).await
    }

    /// The objects of a kind, such as `GateRole`.
    pub(crate) fn objects(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "Secret" => ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind)),
            kind => ApiResource::from_gvk(&GroupVersionKind::gvk("rolegate.dev", "v1alpha1", kind)),
        };
        Api::namespaced_with(self.api.client(), &self.namespace, &resource)
    }

    /// What `kubectl apply` does.
    pub(crate) async fn apply(&self, kind: &str, name: &str, content: Value) -> DynamicObject {
        let api = self.objects(kind);
        let version = if kind == "Secret" { "v1" } else { "rolegate.dev/v1alpha1" };
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
        object.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
        let params = PatchParams::apply("kubectl").force();
        api.patch(name, &params, &Patch::Apply(object)).await.unwrap()
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        self.objects(kind).delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The object's status condition of that type, once it says so of the object as it is now. Whoever writes it may have
    /// judged less before.
    pub(crate) async fn condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Value {
        eventually(format!("{condition} of {kind} {name} is {status}"), async || {
            let object = self.objects(kind).get(name).await.unwrap();
            let generation = object.metadata.generation;
            let conditions = object.data["status"]["conditions"].as_array()?.clone();
            conditions.into_iter().find(|found| {
                found["type"] == condition
                    && found["status"] == status
                    && found["observedGeneration"].as_i64() == generation
            })
        })
        .await
    }

    /// The names of a kind's objects; of Secrets those of reviewers.
    pub(crate) async fn names(&self, kind: &str) -> Vec<String> {
        let mut params = ListParams::default();
        if kind == "Secret" {
            params = params.labels("rolegate.dev/reviewer=true");
        }
        let list = self.objects(kind).list(&params).await.unwrap();
        list.items.iter().map(|object| object.name_any()).collect()
    }
}

/// Applies the custom resource definitions of `kind/crds`, and waits until they are served.
pub(crate) async fn apply_definitions(api: &KubeApiserver) {
    let definitions: Api<CustomResourceDefinition> = Api::all(api.client());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/kind/crds");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let definition: Value = serde_saphyr::from_str(&text).unwrap();
        let Some(name) = definition["metadata"]["name"].as_str().map(str::to_owned) else { continue };
        let params = PatchParams::apply("kubectl").force();
        definitions.patch(&name, &params, &Patch::Apply(definition)).await.unwrap();
        // Established is what the object says; a moment later it is so.
        let plural = name.split_once('.').unwrap().0;
        let list = format!("/apis/rolegate.dev/v1alpha1/{plural}");
        eventually(format!("{name} is served"), async || {
            let request = Request::get(&list).body(Vec::new()).unwrap();
            api.client().request::<Value>(request).await.ok().map(drop)
        })
        .await;
    }
}

impl Replica {
    /// Waits until it has loaded everything.
    pub(crate) async fn is_ready(&self) {
        eventually("the replica is ready", async || {
            (self.rolegate.ops_get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }

    /// Asks the Vault door with the root token.
    pub(crate) async fn root(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.try_root(method, path, body).await.unwrap()
    }

    /// The same of a replica that may go meanwhile.
    pub(crate) async fn try_root(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<(u16, Value), hyper::Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("/v1/{path}"));
        let request = request.header("x-vault-token", ROOT).body(Full::new(Bytes::from(body))).unwrap();
        let answer = self.vault.send(request).await?;
        Ok((answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
    }

    /// A write at the Vault door that must be done.
    pub(crate) async fn write(&self, path: &str, body: Value) {
        let (status, answer) = self.root("POST", path, body).await;
        assert!(matches!(status, 200 | 204), "{path}: {status} {answer}");
    }

    /// The status of a login.
    pub(crate) async fn login(&self, mount: &str, role: &str, jwt: &str) -> u16 {
        let body = json!({ "role": role, "jwt": jwt });
        self.root("POST", &format!("auth/{mount}/login"), body).await.0
    }

    /// Waits until a login has this status.
    pub(crate) async fn logs_in_with(&self, mount: &str, role: &str, jwt: &str, wanted: u16) {
        eventually(format!("a login by {role} has status {wanted}"), async || {
            (self.login(mount, role, jwt).await == wanted).then_some(())
        })
        .await;
    }
}
