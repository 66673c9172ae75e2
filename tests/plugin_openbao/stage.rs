//! A core with the program as its plugin, and a real API server that it asks.

use serde_json::{Value, json};

use crate::support::{bao_core::BaoCore, http::Answer, kube::KubeApiserver};

/// A mount with a role for one service account.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) core: BaoCore,
    pub(crate) kube: &'static KubeApiserver,
    pub(crate) namespace: String,
    /// The service account's token.
    pub(crate) jwt: String,
}

/// The one service account.
pub(crate) const ACCOUNT: &str = "orders";

impl Stage {
    /// `auth/kubernetes` with a role `orders`, as the README of HashiCorp's plugin sets it up.
    pub(crate) async fn new() -> Self {
        Self::on(BaoCore::start().await).await
    }

    /// The same on a core that runs.
    pub(crate) async fn on(core: BaoCore) -> Self {
        core.done("POST", "sys/auth/kubernetes", Some(json!({"type": "rolegate"}))).await;
        Self::at_the_mount_of(core).await
    }

    /// The same where `auth/kubernetes` is enabled already, whoever answers there.
    pub(crate) async fn at_the_mount_of(core: BaoCore) -> Self {
        let kube = KubeApiserver::shared().await;
        let namespace = kube.namespace(&[("team", "shop")]).await;
        kube.service_account(&namespace, ACCOUNT).await;
        kube.allow_reviews(&namespace, ACCOUNT).await;
        let jwt = kube.token(&namespace, ACCOUNT, &[], 3600).await;
        let stage = Self { core, kube, namespace, jwt };
        stage.configure("kubernetes").await;
        stage.core.done("POST", "auth/kubernetes/role/orders", Some(stage.role(json!({})))).await;
        stage
    }

    /// Writes the mount's config: the API server, and the account as the reviewer.
    pub(crate) async fn configure(&self, mount: &str) {
        let config = json!({
            "kubernetes_host": self.kube.url(), "kubernetes_ca_cert": self.kube.ca_pem(),
            "token_reviewer_jwt": self.jwt,
        });
        self.core.done("POST", &format!("auth/{mount}/config"), Some(config)).await;
    }

    /// A role for the account, with more fields.
    pub(crate) fn role(&self, more: Value) -> Value {
        let mut role = json!({
            "bound_service_account_names": ACCOUNT, "bound_service_account_namespaces": self.namespace,
            "token_policies": "default", "token_ttl": "1h",
        });
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        role
    }

    /// A login in a role.
    pub(crate) async fn login(&self, role: &str) -> Answer {
        let fields = json!({"role": role, "jwt": self.jwt});
        self.core.ask_as("", "POST", "auth/kubernetes/login", Some(fields), &[]).await
    }

    /// The client token of a login that succeeds.
    pub(crate) async fn client_token(&self, role: &str) -> String {
        let answer = self.login(role).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()["auth"]["client_token"].as_str().unwrap().to_owned()
    }
}
