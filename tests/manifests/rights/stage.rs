//! A namespace with a pod of rolegate that has these rights and no others, and with what its behaviour is tried on.

use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::granted::Right;
use crate::{
    gate::Gate,
    support::{eventually, kube::KubeApiserver},
};

/// One rolegate.
pub(super) struct Stage<'a> {
    pub(super) api: &'a KubeApiserver,
    pub(super) gate: Gate,
    pub(super) namespace: String,
    /// A Kubernetes token that may do everything with the custom resources.
    pub(super) administrator: String,
}

impl<'a> Stage<'a> {
    /// Starts the manifests' Deployment in a namespace of its own. It need not be ready.
    pub(super) async fn start(api: &'a KubeApiserver, objects: &[Value], rights: &[&Right]) -> Self {
        let namespace = api.namespace(&[("team", "shop")]).await;
        for account in ["rolegate", "orders", "administrator"] {
            api.service_account(&namespace, account).await;
        }
        grant(api, &namespace, rights).await;
        let administrator = administrator(api, &namespace).await;
        for object in world(api, &namespace) {
            apply(api, &namespace, &object).await;
        }
        let objects: Vec<Value> = objects.iter().map(|object| moved(object, &namespace)).collect();
        let gate = Gate::start(api, &objects, &[]).await;
        Self { api, gate, namespace, administrator }
    }

    /// What `kubectl apply` does.
    pub(super) async fn apply(&self, object: Value) {
        apply(self.api, &self.namespace, &object).await;
    }

    /// The objects of this kind in the pod's namespace.
    pub(super) fn objects(&self, kind: &str) -> Api<DynamicObject> {
        objects(self.api, &self.namespace, kind)
    }

    /// A token of the service account that logs in.
    pub(super) async fn jwt(&self) -> String {
        self.api.token(&self.namespace, "orders", &[], 600).await
    }

    /// Asks the Vault door as the administrator.
    pub(super) async fn administer(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.gate.ask(&self.administrator, method, path, body).await
    }

    /// The first line of the log that holds the text.
    pub(super) fn logged(&self, text: &str) -> Option<String> {
        self.gate.rolegate().process.stderr.all().into_iter().find(|line| line.contains(text))
    }
}

/// A custom resource or a Secret.
pub(super) fn object(kind: &str, name: &str, content: Value) -> Value {
    let version = if kind == "Secret" { "v1" } else { "rolegate.dev/v1alpha1" };
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    let (object_map, content) = (object.as_object_mut().unwrap(), content.as_object().unwrap().clone());
    object_map.extend(content);
    object
}

/// What the behaviours are tried on.
fn world(api: &KubeApiserver, namespace: &str) -> Vec<Value> {
    let host = format!("https://kubernetes.default.svc:{}", api.address().port());
    let mount = |name: &str, path: &str| {
        object("GateMount", name, json!({ "spec": { "path": path, "kubernetesHost": host } }))
    };
    let role = |name: &str, mount: &str, role: &str| {
        let spec = json!({ "mountRef": { "name": mount }, "roleName": role, "tokenPolicies": ["orders"],
            "boundServiceAccountNames": ["orders"], "boundServiceAccountNamespaces": [namespace] });
        object("GateRole", name, json!({ "spec": spec }))
    };
    let policy = |name: &str, policy: &str| {
        let rules = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
        object("GatePolicy", name, json!({ "spec": { "policyName": policy, "rules": rules } }))
    };
    let (mut annotated, mut reviewed) = (mount("annotated", "annotated"), mount("reviewed", "reviewed"));
    annotated["spec"]["useAnnotationsAsAliasMetadata"] = json!(true);
    reviewed["spec"]["tokenReviewerRef"] = json!({ "name": "reviewer" });
    let (mut batch, mut teams) = (role("batch", "kubernetes", "batch"), role("teams", "kubernetes", "teams"));
    batch["spec"]["tokenType"] = json!("batch");
    teams["spec"]["boundServiceAccountNamespaces"] = json!([]);
    teams["spec"]["boundServiceAccountNamespaceSelector"] = json!({ "matchLabels": { "team": "shop" } });
    vec![
        mount("kubernetes", "kubernetes"),
        mount("heard", "heard"),
        mount("spare", "spare"),
        // Its object has the name that the path `taken` would have.
        mount("taken", "other"),
        annotated,
        reviewed,
        role("orders", "kubernetes", "orders"),
        role("annotated", "annotated", "orders"),
        batch,
        teams,
        role("heard", "kubernetes", "heard"),
        role("spare", "kubernetes", "spare"),
        role("kubernetes.taken", "kubernetes", "other"),
        policy("orders", "orders"),
        policy("heard", "heard"),
        policy("spare", "spare"),
        policy("taken", "other"),
    ]
}

/// An object of the manifests, in another namespace than `rolegate`.
fn moved(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    if object["metadata"]["namespace"] == "rolegate" {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if let Some(Value::String(config)) = object.pointer_mut("/data/rolegate.yaml") {
        let own = "namespace: rolegate }";
        assert_eq!(config.matches(own).count(), 1, "{config}");
        *config = config.replace(own, &format!("namespace: {namespace} }}"));
    }
    object
}

/// Grants the rights, and waits until the API server's authorizer has heard of them.
async fn grant(api: &KubeApiserver, namespace: &str, rights: &[&Right]) {
    let account = json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "rolegate" });
    for everywhere in [false, true] {
        let rights: Vec<&&Right> = rights.iter().filter(|right| right.everywhere == everywhere).collect();
        let rules: Vec<Value> = rights.iter().map(|right| right.rule()).collect();
        let Some(last) = rights.last() else { continue };
        if everywhere {
            let role = json!({ "metadata": { "name": namespace }, "rules": rules });
            create(api, "ClusterRole", role).await;
            api.bind(namespace, account.clone()).await;
        } else {
            api.allow(namespace, namespace, "rolegate", rules.into()).await;
        }
        may(api, namespace, "rolegate", last.attributes(namespace)).await;
    }
}

async fn administrator(api: &KubeApiserver, namespace: &str) -> String {
    let everything = json!([{ "apiGroups": ["rolegate.dev"], "resources": ["*"], "verbs": ["*"] }]);
    api.allow(namespace, namespace, "administrator", everything).await;
    let attributes = json!({ "verb": "bind", "group": "rolegate.dev", "resource": "gatepolicies",
                             "namespace": namespace });
    may(api, namespace, "administrator", attributes).await;
    api.token(namespace, "administrator", &["rolegate"], 600).await
}

/// Waits until the API server says that the service account may do this.
async fn may(api: &KubeApiserver, namespace: &str, account: &str, attributes: Value) {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let review = json!({ "metadata": {}, "spec": { "user": user, "resourceAttributes": attributes } });
    eventually(format!("{account} may {attributes}"), async || {
        let answer = create(api, "SubjectAccessReview", review.clone()).await;
        (answer.data["status"]["allowed"] == true).then_some(())
    })
    .await;
}

async fn create(api: &KubeApiserver, kind: &str, mut object: Value) -> DynamicObject {
    let group = if kind == "ClusterRole" { "rbac.authorization.k8s.io" } else { "authorization.k8s.io" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    object["apiVersion"] = json!(format!("{group}/v1"));
    object["kind"] = json!(kind);
    let api: Api<DynamicObject> = Api::all_with(api.client(), &resource);
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

async fn apply(api: &KubeApiserver, namespace: &str, object: &Value) {
    let kind = object["kind"].as_str().unwrap();
    let (name, params) =
        (object["metadata"]["name"].as_str().unwrap(), PatchParams::apply("kubectl").force());
    objects(api, namespace, kind).patch(name, &params, &Patch::Apply(object)).await.unwrap();
}

fn objects(api: &KubeApiserver, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = match kind {
        "Secret" => ("", "v1"),
        "Lease" => ("coordination.k8s.io", "v1"),
        _ => ("rolegate.dev", "v1alpha1"),
    };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(api.client(), namespace, &resource)
}
