//! The server that the tests ask.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use serde_json::{Value, json};

use super::support::http::Client;
use super::support::rolegate::Rolegate;

/// A running server, and a client of its Vault door.
pub(crate) struct Door {
    pub(crate) rolegate: Rolegate,
    client: Client,
}

impl Door {
    pub(crate) async fn open() -> Self {
        let rolegate = Rolegate::dev().await;
        let client = Client::http1(rolegate.vault());
        Self { rolegate, client }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.send(method, path, &[("x-vault-token", token)], body).await
    }

    pub(crate) async fn root(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(method, path, "root", body).await
    }

    /// Wraps the root token's own lookup.
    pub(crate) async fn wrapped(&self) -> String {
        let headers = [("x-vault-token", "root"), ("x-vault-wrap-ttl", "60")];
        let (_, made) = self.send("GET", "auth/token/lookup-self", &headers, &Value::Null).await;
        made["wrap_info"]["token"].as_str().unwrap().to_owned()
    }

    /// A login of `shop/orders`.
    pub(crate) async fn login(&self) -> Value {
        let api = Api::<ServiceAccount>::namespaced(self.rolegate.cluster().await, "shop");
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let made = api.create_token_request("orders", &Default::default(), &request).await.unwrap();
        let body = json!({"role": "orders", "jwt": made.status.unwrap().token});
        let (status, answer) = self.send("POST", "auth/kubernetes/login", &[], &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["auth"].clone()
    }
}
