//! The Vault door over an embedded store.

use std::path::Path;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::http::Client;
use super::rolegate::Rolegate;

/// The configuration of a Vault door over a store in this folder.
pub fn config(store: &Path) -> String {
    format!(
        "{{vault: {{listen: '127.0.0.1:0'}}, ops: {{listen: '127.0.0.1:0'}}, \
         store: {{type: embedded, path: '{}'}}, shutdown: {{lame_duck: 0s, grace: 5s}}}}",
        store.display()
    )
}

/// A running one.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub rolegate: Rolegate,
    /// A connection to its Vault door.
    pub client: Client,
    /// Its root token.
    pub root: String,
}

impl Server {
    /// Starts it.
    pub async fn start(store: &Path) -> Self {
        Self::start_with(store, &[]).await
    }

    /// The same with these variables in its environment.
    pub async fn start_with(store: &Path, variables: &[(&str, &str)]) -> Self {
        let rolegate = Rolegate::server_with(&config(store), variables).await;
        let client = Client::http1(rolegate.vault());
        let root = std::fs::read_to_string(store.join("root-token")).unwrap().trim().to_owned();
        Self { rolegate, client, root }
    }

    /// The status and body of the answer to this token; `null` is no body.
    pub async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(path).header("x-vault-token", token);
        let answer = self.client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// The same to the root token.
    pub async fn root(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask(method, path, &self.root, body).await
    }
}
