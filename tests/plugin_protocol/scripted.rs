//! A scripted backend, served in this process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rolegate::plugin::runtime;
use rolegate::plugin::seam::{Backend, Backends, Core as CoreOfMount, Later};
use rolegate::plugin::socket::Socket;
use rolegate::plugin::tls::Tls;
use rolegate::plugin::wire::pb;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use crate::core::{Core, Identity};
use crate::storage::Storage;

/// Makes scripted backends, and keeps what they were told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) invalidated: Arc<Mutex<Vec<String>>>,
    /// How many requests to `hang` there are; none is ever answered.
    pub(crate) hanging: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Scripted {
    core: Arc<dyn CoreOfMount>,
    script: Script,
}

impl Backends for Script {
    fn open(&self, core: Arc<dyn CoreOfMount>) -> Arc<dyn Backend> {
        Arc::new(Scripted { core, script: self.clone() })
    }
}

impl Backend for Scripted {
    fn handle<'a>(
        &'a self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Later<'a, pb::HandleRequestReply> {
        assert_ne!(request.path, "panic/at-once", "as scripted");
        Box::pin(async move {
            let (verb, key) = request.path.split_once('/').unwrap_or((&request.path, ""));
            let said = match verb {
                "get" => self.core.get(key).await.map(|value| format!("{value:?}")),
                "put" => self.core.put(key, b"value".to_vec()).await.map(|()| "put".to_owned()),
                "delete" => self.core.delete(key).await.map(|()| "deleted".to_owned()),
                "list" => self.core.list(&format!("{key}/")).await.map(|keys| keys.join(",")),
                "max-lease" => self.core.max_lease().await.map(|seconds| seconds.to_string()),
                "wait" => Ok(match deadline {
                    Some(at) => at.saturating_duration_since(Instant::now()).as_secs().to_string(),
                    None => "none".to_owned(),
                }),
                "hang" => {
                    self.script.hanging.fetch_add(1, Ordering::SeqCst);
                    std::future::pending().await
                }
                "panic" => panic!("as scripted"),
                "long" => Ok("x".repeat(20 * 1024 * 1024)),
                _ => Ok(request.data.len().to_string()),
            };
            let said = said.unwrap_or_else(|error| error.to_string());
            let response = pb::Response { data: said, ..pb::Response::default() };
            pb::HandleRequestReply { response: Some(response), err: None }
        })
    }

    fn exists<'a>(
        &'a self,
        request: pb::Request,
        _: Option<Instant>,
    ) -> Later<'a, pb::HandleExistenceCheckReply> {
        Box::pin(async move {
            assert_ne!(request.path, "panic", "as scripted");
            pb::HandleExistenceCheckReply { check_found: true, exists: request.path == "there", err: None }
        })
    }

    fn invalidate(&self, key: &str) {
        self.script.invalidated.lock().unwrap().push(key.to_owned());
    }
}

/// A plugin in this process, a core that is connected to it, and the core's storage.
pub(crate) struct Stage {
    pub(crate) core: Core,
    pub(crate) storage: Storage,
    pub(crate) script: Script,
    pub(crate) serving: AbortOnDropHandle<runtime::Ended>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (identity, folder, script) = (Identity::new(), tempfile::tempdir().unwrap(), Script::default());
        let tls = Tls::with(identity.certificate.clone()).unwrap();
        let socket = Socket::listen(folder.path(), None).unwrap();
        let (path, certificate) = (socket.path().to_owned(), tls.certificate.clone());
        let backends = Arc::new(script.clone());
        let serving = tokio::spawn(async move { runtime::serve(&socket, &tls, backends).await });
        let core = Core::connect(&identity, &path, &certificate).await;
        let storage = Storage::serve(&identity, &certificate, folder.path());
        Self { core, storage, script, serving: AbortOnDropHandle::new(serving), _folder: folder }
    }

    /// With a mount `one`.
    pub(crate) async fn mounted() -> Self {
        let stage = Self::new().await;
        stage.core.announce(1, &stage.storage.socket);
        assert_eq!(stage.core.set_up("one", 1).await, "");
        stage
    }

    /// What the backend of mount `one` says to a request.
    pub(crate) async fn said(&self, path: &str) -> String {
        let reply = self.core.handle("one", path).await.unwrap();
        assert_eq!(reply.err, None, "{path}");
        reply.response.unwrap().data
    }
}
