//! One mount's backend: what a core asks, answered by the handlers of the Vault door.

mod help;
mod login;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::entries::{Configured, Entries, EntryError};
use super::outcome::{proto_error, reply, told};
use super::seam::{Backend, Backends, Core, Later};
use super::wire::pb;
use crate::catalog::{Catalog, Snapshots, next_generation};
use crate::core::fields::Fields;
use crate::core::mount::{Mount, MountAbout, Snapshot};
use crate::core::role::Role;
use crate::gate::Gate;
use crate::ports::{Clock, Door, Inquire, Origin, Verify};
use crate::record::Recorder;
use crate::vault::call::{Call, unsupported_operation};
use crate::vault::kubernetes::{Kubernetes, creates, role_name, roles_listed};
use crate::vault::outcome::{Class, Refusal};
use crate::vault::request::{Operation, Request};

/// Makes the backends of all mounts, which share one verifier.
#[derive(Debug, Clone)]
pub struct Plugin<V> {
    verifier: V,
    cluster: Arc<dyn Inquire>,
    clock: Arc<dyn Clock>,
    recorder: Recorder,
}

impl<V: Verify + Clone + Inquire + 'static> Plugin<V> {
    /// Backends that ask API servers by this verifier.
    pub fn new(verifier: V, clock: Arc<dyn Clock>, recorder: Recorder) -> Self {
        Self { cluster: Arc::new(verifier.clone()), verifier, clock, recorder }
    }
}

impl<V: Verify + Clone + 'static> Backends for Plugin<V> {
    fn open(&self, core: Arc<dyn Core>) -> Arc<dyn Backend> {
        let entries = Arc::new(Entries::new(core));
        Arc::new(Mounted { plugin: self.clone(), entries, turn: Mutex::default() })
    }
}

/// The backend of one mount.
#[derive(Debug)]
struct Mounted<V> {
    plugin: Plugin<V>,
    entries: Arc<Entries>,
    /// Held from the look at a role to its write.
    turn: Mutex<()>,
}

/// A request as the handlers take it, with as much of the mount as it needs.
struct Asked {
    request: Request,
    mount: Arc<Mount>,
    path: String,
}

impl Asked {
    fn new(
        data: Map<String, Value>,
        request: pb::Request,
        operation: Operation,
        mount: Arc<Mount>,
        deadline: Option<Instant>,
    ) -> Self {
        let origin = origin(&request);
        Self {
            request: Request {
                id: request.id,
                operation,
                path: format!("{}{}", request.mount_point, request.path),
                data,
                token: None,
                peer: origin.client,
                origin,
                wrap_ttl: None,
                deadline,
            },
            mount,
            path: request.path,
        }
    }

    fn call(&self) -> Call<'_> {
        Call { request: &self.request, mount: &self.mount, path: &self.path, terms: None }
    }
}

/// Where a request comes from, as the core says.
fn origin(request: &pb::Request) -> Origin {
    let connection = request.connection.as_ref();
    let client = connection.and_then(|peer| peer.remote_addr.parse().ok());
    let port = connection.and_then(|peer| u16::try_from(peer.remote_port).ok()).filter(|port| *port > 0);
    let connection = client.zip(port).map(|(client, port)| SocketAddr::new(client, port));
    Origin { door: Door::Plugin, client, connection }
}

/// The mount that a request is for, with what has been read of it. `max_lease` in seconds; 0: it does not matter.
fn mount(
    request: &pb::Request,
    config: Option<Configured>,
    role: Option<Arc<Role>>,
    max_lease: i64,
) -> Arc<Mount> {
    let path = request.mount_point.trim_matches('/');
    let about = MountAbout {
        accessor: request.mount_accessor.as_str().into(),
        max_lease_ttl: max_lease,
        // What else there is to tell of it the core tells.
        ..MountAbout::new([0; 20])
    };
    Arc::new(Mount {
        path: path.strip_prefix("auth/").unwrap_or(path).into(),
        generation: config.as_ref().map_or_else(next_generation, |config| config.generation),
        about: Arc::new(about),
        config: config.map(|config| config.config),
        roles: role.into_iter().map(|role| (role.name.as_str().into(), role)).collect(),
    })
}

impl<V: Verify + Clone + 'static> Mounted<V> {
    async fn answer(
        &self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Result<pb::HandleRequestReply, Refusal> {
        match (request.operation.as_str(), request.path.as_str()) {
            ("create" | "update", "login") => self.login(request, deadline).await,
            ("renew", "login") => self.renew(request, deadline).await,
            ("resolve-role", "login") => self.resolve_role(&request).await,
            ("alias-lookahead", "login") => self.alias(&request).await,
            ("resolve-path", path) => Ok(role_name(path).map_or_else(
                || reply(unsupported_operation()),
                |name| told(json!({"path": format!("role/{}", name.to_lowercase())})),
            )),
            ("help", path) => Ok(help::answer(path)),
            ("list", "role" | "role/") => {
                let data = fields(&request.data)?;
                let names = self.entries.role_names().await.map_err(of_entry)?;
                let names = names.iter().map(String::as_str).collect();
                Ok(reply(roles_listed(names, Fields::new(&data))))
            }
            (operation, _) => match operation_of(operation) {
                None => Ok(reply(unsupported_operation())),
                Some(operation) => self.administer(request, operation, deadline).await,
            },
        }
    }

    /// `config` and `role/:name`.
    async fn administer(
        &self,
        request: pb::Request,
        operation: Operation,
        deadline: Option<Instant>,
    ) -> Result<pb::HandleRequestReply, Refusal> {
        let _turn = match operation {
            Operation::Write | Operation::Delete => Some(self.turn.lock().await),
            _ => None,
        };
        let (mut config, mut role, mut max_lease) = (None, None, 0);
        match role_name(&request.path) {
            Some(name) if operation != Operation::Delete => {
                role = self.entries.role(name).await.map_err(of_entry)?;
                if operation == Operation::Write {
                    max_lease = self.entries.max_lease().await.map_err(of_entry)?;
                }
            }
            None if operation == Operation::Read && request.path == "config" => {
                config = self.entries.config().await.map_err(of_entry)?;
            }
            _ => {}
        }
        let mount = mount(&request, config, role, max_lease);
        let asked = Asked::new(fields(&request.data)?, request, operation, mount, deadline);
        Ok(reply(self.backend(&asked.mount).handle(&asked.call()).await))
    }

    /// The handlers over this one mount.
    fn backend(&self, mount: &Arc<Mount>) -> Kubernetes<V> {
        let snapshots = Snapshots::default();
        let mounts = HashMap::from([((&*mount.path).into(), Arc::clone(mount))]);
        snapshots.publish(Snapshot { mounts, ..Snapshot::default() });
        let Plugin { verifier, cluster, clock, .. } = &self.plugin;
        let gate = Gate::new(snapshots.cell(), verifier.clone(), Arc::clone(clock));
        let store = Arc::clone(&self.entries);
        Kubernetes::new(gate, Catalog::fed(store, snapshots), Arc::clone(cluster))
    }
}

impl<V: Verify + Clone + 'static> Backend for Mounted<V> {
    fn handle<'a>(
        &'a self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Later<'a, pb::HandleRequestReply> {
        Box::pin(async move {
            self.answer(request, deadline).await.unwrap_or_else(|refusal| reply(refusal.into()))
        })
    }

    fn exists<'a>(
        &'a self,
        request: pb::Request,
        deadline: Option<Instant>,
    ) -> Later<'a, pb::HandleExistenceCheckReply> {
        Box::pin(async move {
            let Some(name) = role_name(&request.path) else { return Default::default() };
            let created = match self.entries.role(name).await.map_err(of_entry) {
                Ok(role) => fields(&request.data).and_then(|data| {
                    let mount = mount(&request, None, role, 0);
                    creates(&Asked::new(data, request, Operation::Write, mount, deadline).call())
                }),
                Err(refusal) => Err(refusal),
            };
            match created {
                Ok(created) => pb::HandleExistenceCheckReply {
                    check_found: created.is_some(),
                    exists: created == Some(false),
                    err: None,
                },
                Err(refusal) => {
                    pb::HandleExistenceCheckReply { err: Some(proto_error(&refusal)), ..Default::default() }
                }
            }
        })
    }

    fn invalidate(&self, key: &str) {
        self.entries.forget(key);
    }
}

fn operation_of(name: &str) -> Option<Operation> {
    Some(match name {
        "read" => Operation::Read,
        "list" => Operation::List,
        "create" | "update" => Operation::Write,
        "delete" => Operation::Delete,
        "patch" => Operation::Patch,
        _ => return None,
    })
}

/// The fields of a body; `null` where there is none.
fn fields(data: &str) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_str(data) {
        Ok(Some(fields)) => Ok(fields),
        Ok(None) => Ok(Map::new()),
        Err(_) => Err(Refusal::new(
            Class::Invalid,
            "the request's fields cannot be read: no object, or nested too deeply",
        )),
    }
}

/// The caller hears what the core or the storage says of it, as from a plugin of Go.
fn of_entry(error: EntryError) -> Refusal {
    tracing::error!(error = crate::errors::with_causes(&error), "the core's storage does not do its part");
    Refusal::new(Class::Internal, error.to_string())
}
