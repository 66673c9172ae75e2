//! Objects put into the real API server, and read back.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    discovery::{self, Scope},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    compare::{differences, differences_by_type},
    kustomize::{self, documents},
    support::{eventually, kube::KubeApiserver},
};

/// A cluster that knows the published custom resources of `schemas/`.
pub(crate) struct Cluster {
    /// Its API server.
    pub(crate) api: &'static KubeApiserver,
    client: Client,
    _alone: MutexGuard<'static, ()>,
}

/// The overlays change each other's objects: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

impl Cluster {
    /// The one of all tests here, for one of them at a time.
    pub(crate) async fn shared() -> Self {
        let alone = ALONE.lock().await;
        let api = KubeApiserver::shared().await;
        let cluster = Self { api, client: api.client(), _alone: alone };
        // What the mesh brings.
        let system =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "istio-system" } });
        cluster.must_apply(&system).await;
        for name in ["istio", "envoy-gateway", "gateway-api", "prometheus-operator"] {
            let file = format!("tests/manifests/schemas/{name}.yaml");
            for object in documents(&kustomize::kind().parent().unwrap().join(file)) {
                cluster.must_apply(&object).await;
            }
        }
        cluster
    }

    /// Applies each object, reads it back and demands every field; kinds that are not served are compared by type.
    pub(crate) async fn must_hold(&self, objects: &[Value]) {
        let first = |object: &Value| match object["kind"].as_str() {
            Some("Namespace" | "CustomResourceDefinition") => 0,
            _ => 1,
        };
        let mut objects: Vec<&Value> = objects.iter().collect();
        objects.sort_by_key(|object| first(object));
        for object in objects {
            self.must_apply(object).await;
        }
    }

    async fn must_apply(&self, object: &Value) {
        let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
        let Some(api) = self.resource(object).await else {
            eprintln!("{name}: {} is not served by Kubernetes 1.20; compared by type", object["apiVersion"]);
            assert_eq!(differences_by_type(object), Vec::<String>::new(), "{name}");
            return;
        };
        let applied = apply(&api, object).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = api.get(applied.metadata.name.as_deref().unwrap()).await.unwrap();
        let found = serde_json::to_value(found).unwrap();
        assert_eq!(differences(object, &found), Vec::<String>::new(), "{name}");
        if object["kind"] == "CustomResourceDefinition" {
            self.wait_until_served(object).await;
        }
    }

    /// The object as the API server has it.
    pub(crate) async fn found(&self, object: &Value) -> Option<Value> {
        let api = self.resource(object).await.unwrap();
        let found = api.get_opt(object["metadata"]["name"].as_str().unwrap()).await.unwrap()?;
        Some(serde_json::to_value(found).unwrap())
    }

    /// What is missing of the object once it is created, as `kubectl create --validate=false` would.
    pub(crate) async fn dropped_of(&self, object: &Value) -> Vec<String> {
        let api = self.resource(object).await.unwrap();
        let created: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        let created = api.create(&PostParams::default(), &created).await.unwrap();
        differences(object, &serde_json::to_value(created).unwrap())
    }

    /// Deletes the cluster's role bindings whose names begin so, which other tests have left.
    pub(crate) async fn forget_cluster_role_bindings(&self, prefix: &str) {
        let api: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        for binding in api.list(&ListParams::default()).await.unwrap() {
            let name = binding.metadata.name.unwrap();
            if name.starts_with(prefix) {
                api.delete(&name, &DeleteParams::default()).await.unwrap();
            }
        }
    }

    /// The API of the object's kind in its namespace; nothing where the server does not serve it.
    async fn resource(&self, object: &Value) -> Option<Api<DynamicObject>> {
        let (resource, scope) = self.served(object).await?;
        Some(match (object["metadata"]["namespace"].as_str(), scope) {
            (Some(namespace), Scope::Namespaced) => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            (None, Scope::Cluster) => Api::all_with(self.client.clone(), &resource),
            (namespace, scope) => panic!("{scope:?}, but its namespace is {namespace:?}: {object}"),
        })
    }

    async fn served(&self, object: &Value) -> Option<(ApiResource, Scope)> {
        let version = object["apiVersion"].as_str().unwrap();
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
        let (resource, capabilities) = discovery::pinned_kind(&self.client, &kind).await.ok()?;
        Some((resource, capabilities.scope))
    }

    async fn wait_until_served(&self, definition: &Value) {
        let spec = &definition["spec"];
        for version in spec["versions"].as_array().unwrap() {
            let version =
                format!("{}/{}", spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
            let object = json!({ "apiVersion": version, "kind": spec["names"]["kind"] });
            let what = format!("{} is served", spec["names"]["kind"]);
            eventually(what, async || self.served(&object).await).await;
        }
    }
}

/// Creates it, or writes it over what is there.
async fn apply(api: &Api<DynamicObject>, object: &Value) -> Result<DynamicObject, kube::Error> {
    let wanted: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    match api.create(&PostParams::default(), &wanted).await {
        Err(kube::Error::Api(refusal)) if refusal.reason == "AlreadyExists" => {
            let name = object["metadata"]["name"].as_str().unwrap();
            api.patch(name, &PatchParams::default(), &Patch::Merge(object)).await
        }
        answer => answer,
    }
}
