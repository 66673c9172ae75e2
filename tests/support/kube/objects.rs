//! What a test does in the cluster: namespaces, service accounts, rights, tokens, reviews.

use k8s_openapi::{
    api::{
        authentication::v1::{TokenRequest, TokenReview},
        authorization::v1::SubjectAccessReview,
        core::v1::{Namespace, ServiceAccount},
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    serde::de::DeserializeOwned,
};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::KubeApiserver;
use crate::support::eventually;

impl KubeApiserver {
    /// A new namespace of a name that no other test has; gives the name.
    pub async fn namespace(&self, labels: &[(&str, &str)]) -> String {
        let name = format!("t-{:016x}", getrandom::u64().unwrap());
        self.namespace_named(&name, labels).await;
        name
    }

    /// A new namespace of this name.
    pub async fn namespace_named(&self, name: &str, labels: &[(&str, &str)]) {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|(key, value)| (key.to_string(), json!(value))).collect();
        let object = json!({ "metadata": { "name": name, "labels": labels } });
        self.create(&Api::<Namespace>::all(self.client()), object).await;
    }

    /// Sets a label of a namespace, or takes it away.
    pub async fn label_namespace(&self, name: &str, key: &str, value: Option<&str>) {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { key: value } } }));
        let api = Api::<Namespace>::all(self.client());
        self.checked("label a namespace", api.patch(name, &PatchParams::default(), &patch).await);
    }

    /// A new service account; gives its uid.
    pub async fn service_account(&self, namespace: &str, name: &str) -> String {
        let api = Api::<ServiceAccount>::namespaced(self.client(), namespace);
        self.create(&api, json!({ "metadata": { "name": name } })).await.metadata.uid.unwrap()
    }

    /// Deletes a service account. The API server itself remembers for ten seconds that it took a token: wait with
    /// `eventually` for the refusal of one that has been reviewed.
    pub async fn delete_service_account(&self, namespace: &str, name: &str) {
        let api = Api::<ServiceAccount>::namespaced(self.client(), namespace);
        self.checked("delete a service account", api.delete(name, &DeleteParams::default()).await);
    }

    /// Lets a service account review tokens (`system:auth-delegator`).
    pub async fn allow_reviews(&self, namespace: &str, name: &str) {
        let subject = json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name });
        self.bind("system:auth-delegator", subject).await;
    }

    /// Lets a static user such as `REVIEWER` review tokens; on a shared server for all tests.
    pub async fn allow_reviews_of_user(&self, user: &str) {
        let subject = json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user });
        self.bind("system:auth-delegator", subject).await;
    }

    /// Binds a cluster role to a subject. The binding is in force when this returns.
    pub async fn bind(&self, cluster_role: &str, subject: Value) {
        let object = json!({
            "metadata": { "generateName": "test-" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role },
            "subjects": [subject],
        });
        self.create(&Api::<ClusterRoleBinding>::all(self.client()), object).await;
        let role = Api::<ClusterRole>::all(self.client()).get(cluster_role).await;
        let role = self.checked("read a cluster role", role);
        self.may(None, &subject, &serde_json::to_value(role.rules).unwrap()).await;
    }

    /// Lets a service account (of the namespace `of`) do what these rules say in `namespace`, from when this returns; gives
    /// the name of the role and of its binding.
    pub async fn allow(&self, namespace: &str, of: &str, name: &str, rules: Value) -> String {
        let role = json!({ "metadata": { "generateName": "test-" }, "rules": rules });
        let role = self.create(&Api::<Role>::namespaced(self.client(), namespace), role).await;
        let role = role.metadata.name.unwrap();
        let subject = json!({ "kind": "ServiceAccount", "namespace": of, "name": name });
        let binding = json!({
            "metadata": { "name": role },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
            "subjects": [subject],
        });
        self.create(&Api::<RoleBinding>::namespaced(self.client(), namespace), binding).await;
        self.may(Some(namespace), &subject, &rules).await;
        role
    }

    /// Waits until the subject may do what the first of these rules says first: the API server's authorizer hears of a new
    /// binding and its role a moment later.
    async fn may(&self, namespace: Option<&str>, subject: &Value, rules: &Value) {
        let first = |key: &str| rules[0][key][0].as_str();
        let Some(verb) = first("verbs") else { return };
        let name = subject["name"].as_str().unwrap();
        let account = |of| format!("system:serviceaccount:{of}:{name}");
        let user = subject["namespace"].as_str().map_or(name.to_owned(), account);
        let attributes = json!({
            "namespace": namespace, "verb": verb, "group": first("apiGroups"), "resource": first("resources"),
            "name": first("resourceNames"),
        });
        let review: SubjectAccessReview =
            object(json!({ "metadata": {}, "spec": { "user": user, "resourceAttributes": attributes } }));
        eventually(format!("{user} may {attributes}"), async || {
            let answer = Api::all(self.client()).create(&PostParams::default(), &review).await;
            self.checked("SubjectAccessReview", answer).status?.allowed.then_some(())
        })
        .await;
    }

    /// Takes a binding back. The API server itself notices a little later.
    pub async fn unbind(&self, namespace: &str, binding: &str) {
        let api = Api::<RoleBinding>::namespaced(self.client(), namespace);
        self.checked("delete a binding", api.delete(binding, &DeleteParams::default()).await);
    }

    /// A token by TokenRequest for these audiences (none: the server's own), valid this long (at least 600 s).
    pub async fn token(&self, namespace: &str, name: &str, audiences: &[&str], seconds: i64) -> String {
        let request: TokenRequest = object(json!({
            "metadata": {},
            "spec": { "audiences": audiences, "expirationSeconds": seconds },
        }));
        let api = Api::<ServiceAccount>::namespaced(self.client(), namespace);
        let answer = api.create_token_request(name, &PostParams::default(), &request).await;
        self.checked("TokenRequest", answer).status.unwrap().token
    }

    /// A service account in `namespace` that may review tokens; gives its own token.
    pub async fn reviewer(&self, namespace: &str) -> String {
        self.service_account(namespace, "reviewer").await;
        self.allow_reviews(namespace, "reviewer").await;
        self.token(namespace, "reviewer", &[], 3600).await
    }

    /// What the server says to a TokenReview by the owner of the token `reviewer`.
    pub async fn review(
        &self,
        reviewer: &str,
        token: &str,
        audiences: &[&str],
    ) -> Result<TokenReview, kube::Error> {
        let review: TokenReview =
            object(json!({ "metadata": {}, "spec": { "token": token, "audiences": audiences } }));
        let api = Api::<TokenReview>::all(self.client_with(reviewer));
        api.create(&PostParams::default(), &review).await
    }

    async fn create<K>(&self, api: &Api<K>, json: Value) -> K
    where
        K: Resource + Clone + std::fmt::Debug + serde::Serialize + DeserializeOwned,
    {
        self.checked(
            &format!("create {json}"),
            api.create(&PostParams::default(), &object(json.clone())).await,
        )
    }
}

fn object<K: DeserializeOwned>(json: Value) -> K {
    serde_json::from_value(json).unwrap()
}
