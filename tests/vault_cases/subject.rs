//! What is tested: `rolegate server` started anew for each scenario, or a server that already runs.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    cases::Request,
    support::rolegate::Rolegate,
    wire::{Answer, send},
    world::World,
};

/// Without an authentication mount, `rolegate server` knows nobody but this token.
const ROOT: &str = "root";

/// The Vault door alone, with nothing in its store.
const CONFIG: &str = "{ vault: { listen: 127.0.0.1:0 }, ops: { listen: 127.0.0.1:0 }, store: { type: memory }, \
                      shutdown: { lame_duck: 0s } }";

/// A mount that is let be: it keeps the process of a core's plugin.
pub(crate) const SPARED: &str = "spared/";

/// How many scenarios run at a time, over all chapters.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Where the servers come from.
#[derive(Debug)]
pub(crate) enum Subject {
    /// A process for each scenario.
    Process,
    /// One that somebody else has started; it is cleaned before and after each scenario.
    Running { address: SocketAddr, root: String },
}

/// A server for one scenario.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) root: String,
    process: Option<Rolegate>,
    _place: SemaphorePermit<'static>,
}

impl Subject {
    /// A server on which only the token's own mount and the built-in policies are.
    pub(crate) async fn start(&self, world: &World<'_>) -> Server {
        match self {
            Self::Process => {
                let place = PLACES.acquire().await.unwrap();
                let process =
                    Rolegate::server_with(CONFIG, &[("ROLEGATE_ROOT_TOKEN", ROOT), ("RUST_LOG", "debug")])
                        .await;
                let address = process.vault();
                Server { address, root: ROOT.to_owned(), process: Some(process), _place: place }
            }
            Self::Running { address, root } => {
                // It is one server, so that scenarios must follow each other.
                let place = PLACES.acquire_many(4).await.unwrap();
                let server = Server { address: *address, root: root.clone(), process: None, _place: place };
                server.clean(world).await;
                server
            }
        }
    }
}

/// Whatever the process has written, at the level of debugging, holds no token that the scenario has used.
fn tells_no_secret(rolegate: &Rolegate, world: &World<'_>) {
    for line in rolegate.process.stdout.all().iter().chain(&rolegate.process.stderr.all()) {
        for secret in world.secrets() {
            assert!(!line.contains(secret), "a token is in the log: {}", line.replace(secret, "[the token]"));
        }
    }
}

impl Server {
    /// Enables the scenario's mount; an answer that is none is told.
    pub(crate) async fn enable(&self, world: &World<'_>, mount: &super::cases::Mount) -> Result<(), String> {
        let mut body = mount.with.clone();
        body.insert("type".to_owned(), world.mount_type.clone().into());
        let answer =
            self.ask(world, "POST", &format!("/v1/sys/auth/{}", mount.path), Some(body.into())).await;
        match answer {
            Ok(answer) if matches!(answer.status, 200 | 204) => Ok(()),
            Ok(answer) => Err(format!("the mount is not enabled: {} {}", answer.status, answer.text())),
            Err(error) => Err(format!("the mount is not enabled: {error}")),
        }
    }

    /// Leaves nothing behind on a server that others use.
    pub(crate) async fn end(self, world: &World<'_>) {
        match &self.process {
            Some(rolegate) => {
                rolegate.process.must_run();
                tells_no_secret(rolegate, world);
            }
            None => self.clean(world).await,
        }
    }

    async fn clean(&self, world: &World<'_>) {
        let mounts = self.ask(world, "GET", "/v1/sys/auth", None).await.unwrap().json().unwrap_or_default();
        let mounts = mounts.get("data").filter(|data| data.is_object()).unwrap_or(&mounts);
        let paths = mounts.as_object().into_iter().flatten().map(|(path, _)| path);
        for path in paths.filter(|path| path.ends_with('/') && !["token/", SPARED].contains(&path.as_str())) {
            let path = format!("/v1/sys/auth/{}", path.trim_end_matches('/'));
            self.ask(world, "DELETE", &path, None).await.unwrap();
        }
        let policies = self.ask(world, "LIST", "/v1/sys/policies/acl", None).await.unwrap().json();
        let keys = policies.as_ref().and_then(|policies| policies["data"]["keys"].as_array());
        let built_in = ["default", "root", "response-wrapping", "control-group"];
        for name in
            keys.into_iter().flatten().filter_map(Value::as_str).filter(|name| !built_in.contains(name))
        {
            self.ask(world, "DELETE", &format!("/v1/sys/policies/acl/{name}"), None).await.unwrap();
        }
    }

    async fn ask(
        &self,
        world: &World<'_>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> std::io::Result<Answer> {
        let request = json!({ "method": method, "path": path, "as": "root" });
        let request = Request { json: body, ..serde_json::from_value(request).unwrap() };
        send(self.address, &request, world, &self.root).await
    }
}
