//! A pod of rolegate, and whoever asks it.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};

use super::{
    kustomize::find,
    mounted::text_of,
    pod::Pod,
    support::{eventually, http::Client, kube::KubeApiserver, rolegate::Rolegate},
};

/// A running pod.
pub(crate) struct Gate {
    pod: Pod,
    vault: Client,
}

impl Gate {
    /// Starts the objects' Deployment; it need not be ready.
    pub(crate) async fn start(api: &KubeApiserver, objects: &[Value], variables: &[(&str, &str)]) -> Self {
        let pod = Pod::start(api, objects, variables).await;
        let ca = text_of(find(objects, "Secret", "rolegate-tls"), "ca.crt");
        let vault = Client::http1(pod.rolegate.vault()).host("rolegate-vault.rolegate.svc");
        Self { pod, vault: vault.tls(trusting(&ca)) }
    }

    pub(crate) fn rolegate(&self) -> &Rolegate {
        &self.pod.rolegate
    }

    /// Asks the Vault door; a path after `/v1/`.
    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        if !token.is_empty() {
            request = request.header("x-vault-token", token);
        }
        let answer = self.vault.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// What a login says.
    pub(crate) async fn login(&self, role: &str, jwt: &str) -> (u16, Value) {
        self.ask("", "POST", "auth/kubernetes/login", json!({ "role": role, "jwt": jwt })).await
    }

    /// Whether it is ready, and what it says of it.
    pub(crate) async fn readiness(&self) -> (bool, String) {
        let answer = self.rolegate().ops_get("/readyz").await;
        (answer.status == 200, answer.text())
    }

    /// Waits until it is ready.
    pub(crate) async fn is_ready(&self) {
        eventually("the pod is ready", async || {
            self.rolegate().process.must_run();
            self.readiness().await.0.then_some(())
        })
        .await;
    }
}

/// TLS towards whom this CA vouches for.
pub(crate) fn trusting(ca: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}
