//! One request from HTTP to HTTP.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::Full;
use serde_json::{Map, Value};

use super::answer::{self, Reply};
use super::body::{self, Bodies};
use super::ids::RequestIds;
use super::operation::Asked;
use super::query::Query;
use super::status::{ClusterId, ServerStatus};
use super::{fields, headers, target};
use crate::config::{ClientAddress, VaultDoor as Settings};
use crate::doors::client_address;
use crate::lifecycle::Readiness;
use crate::metrics::Metrics;
use crate::ports::{Clock, Door, Origin, Random};
use crate::vault::Handle;
use crate::vault::request::{Operation, Request};
use crate::vault::shown::shown;

/// How much later than the request's deadline the door itself gives up: whoever handles it answers first.
const MARGIN: Duration = Duration::from_secs(1);

/// Who asks for help (`vault path-help`) means to do nothing, also by DELETE.
const NO_HELP: &str = "no help is served here, and nothing was done";

/// What a write is told whose path can be a list's alone.
const SLASH: &str = "cannot write to a path ending in '/'";

/// The bounds of requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one body.
    pub body: usize,
    /// Bytes of all bodies at a time; what does not fit waits.
    pub bodies: usize,
    /// For a body to come, the wait for its place included.
    pub body_time: Duration,
    /// For a whole request.
    pub request_time: Duration,
}

impl Default for Limits {
    /// Bodies up to 32 MiB and 90 seconds, as in the reference.
    fn default() -> Self {
        Self {
            body: body::EACH,
            bodies: body::ALL,
            body_time: body::TIME,
            request_time: Duration::from_secs(90),
        }
    }
}

/// The Vault door behind its listener.
#[derive(Debug)]
pub struct VaultDoor {
    handler: Arc<dyn Handle>,
    client_address: ClientAddress,
    status: ServerStatus,
    metrics: Metrics,
    ids: RequestIds,
    bodies: Bodies,
    limits: Limits,
}

impl VaultDoor {
    /// A door in front of whoever knows what paths do.
    pub fn new(
        handler: Arc<dyn Handle>,
        settings: &Settings,
        readiness: Readiness,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        cluster_id: ClusterId,
    ) -> Self {
        let limits = Limits::default();
        Self {
            handler,
            client_address: settings.client_address,
            status: ServerStatus { readiness, clock, cluster_id },
            metrics,
            ids: RequestIds::new(random),
            bodies: Bodies::new(limits.body, limits.bodies),
            limits,
        }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { bodies: Bodies::new(limits.body, limits.bodies), limits, ..self }
    }

    /// Answers one request of a connection with this peer. Nothing that a caller sends makes it fail or panic.
    pub async fn answer<B>(&self, request: http::Request<B>, peer: SocketAddr) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let mut query = Query::read(head.uri.query());
        let asked = Asked::of(&head.method, &mut query);
        // Without randomness there are no tokens either, and whoever makes them says so.
        let id = self.ids.next().unwrap_or_default();
        let asking = Asking { id: &id, head: &head, asked, query, peer, started };
        let mut reply = match AssertUnwindSafe(self.reply(asking, body)).catch_unwind().await {
            Ok(Ok(reply) | Err(reply)) => reply,
            Err(_) => {
                // What it said may hold a secret; the process's own panic hook tells where it was.
                tracing::error!(request_id = id, operation = asked.name(), "a request panicked");
                answer::error(StatusCode::INTERNAL_SERVER_ERROR, answer::INTERNAL)
            }
        };
        if head.method == Method::HEAD {
            *reply.body_mut() = Full::default();
        }
        // Who keeps its connection would meet its end between two requests; HTTP/2 has a frame that tells.
        if head.version <= Version::HTTP_11 && self.status.readiness.is_draining() {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, took) = (reply.status().as_u16(), started.elapsed());
        self.metrics.vault_request(asked.name(), status, took);
        tracing::debug!(
            request_id = id,
            operation = asked.name(),
            path = %shown(head.uri.path()),
            status,
            took = ?took,
            "answered"
        );
        reply
    }

    /// The answer; as an error where the door itself gives it.
    async fn reply<B>(&self, asking: Asking<'_>, body: B) -> Result<Reply, Reply>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Asking { id, head, asked, query, peer, started } = asking;
        let get = head.method == Method::GET;
        let path =
            target::read(head.uri.path()).map_err(|error| answer::of_target(error, head.uri.query(), get))?;
        if !headers::is_root_namespace(&head.headers) {
            return Err(answer::error(StatusCode::NOT_FOUND, "namespace not found"));
        }
        if let Some(reply) = self.status.answer(&path, &head.method, &query) {
            return Ok(reply);
        }
        if query.is_for_help() {
            return Err(answer::error(StatusCode::NOT_FOUND, NO_HELP));
        }
        let operation = operation(asked, &path).map_err(|(status, texts)| answer::errors(status, texts))?;
        let wrap_ttl =
            headers::wrap_ttl(&head.headers).map_err(|text| answer::error(StatusCode::BAD_REQUEST, &text))?;
        // The body's place is held until the answer is made: what it says is in memory until then.
        let (data, _place) = match operation {
            Operation::Patch if path.ends_with('/') => {
                headers::merge_patch(&head.headers).map_err(|wrong| answer::of_patch_type(&wrong))?;
                return Err(answer::error(StatusCode::BAD_REQUEST, SLASH));
            }
            Operation::Write | Operation::Patch => self.fields(operation, head, body, started).await?,
            _ => (query.into_fields(), None),
        };
        let mut path = path.into_owned();
        if operation == Operation::List && !path.ends_with('/') {
            path.push('/');
        }
        let lines = |name| head.headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
        let deadline = started.checked_add(self.limits.request_time);
        let client = client_address::find(self.client_address, || Some(peer.ip()), lines);
        let request = Request {
            id: id.to_owned(),
            operation,
            path,
            data,
            token: headers::token(&head.headers),
            peer: client,
            origin: Origin { door: Door::Vault, client, connection: Some(peer) },
            wrap_ttl,
            deadline,
        };
        self.handle(request, headers::has_mfa(&head.headers)).await
    }

    async fn handle(&self, request: Request, mfa: bool) -> Result<Reply, Reply> {
        let (id, operation, deadline) = (request.id.clone(), request.operation, request.deadline);
        let path = if mfa { request.path.clone() } else { String::new() };
        let handled = self.handler.handle(request);
        let mut outcome = match deadline.and_then(|deadline| deadline.checked_add(MARGIN)) {
            None => handled.await,
            Some(at) => tokio::time::timeout_at(at.into(), handled)
                .await
                .map_err(|_| answer::unavailable("the request took too long"))?,
        };
        if mfa {
            answer::warn_of_mfa(&path, &mut outcome);
        }
        Ok(answer::of_outcome(&id, operation, &outcome))
    }

    /// The fields of a body, and its place among all bodies.
    async fn fields<B>(
        &self,
        operation: Operation,
        head: &Parts,
        body: B,
        started: Instant,
    ) -> Result<(Map<String, Value>, Option<body::Received>), Reply>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let patch = operation == Operation::Patch;
        if patch {
            headers::merge_patch(&head.headers).map_err(|wrong| answer::of_patch_type(&wrong))?;
        }
        let by = started.checked_add(self.limits.body_time).unwrap_or(started);
        let received = self.bodies.receive(body, by).await.map_err(answer::of_body)?;
        let data = fields::read(&received.bytes, !patch && headers::is_form(&head.headers))
            .map_err(|error| answer::error(StatusCode::BAD_REQUEST, &error.to_string()))?;
        Ok((data, Some(received)))
    }
}

/// A request whose head was read.
struct Asking<'a> {
    id: &'a str,
    head: &'a Parts,
    asked: Asked,
    query: Query,
    peer: SocketAddr,
    started: Instant,
}

/// What the path is asked to do; status and texts where no path could do it.
fn operation(asked: Asked, path: &str) -> Result<Operation, (StatusCode, &'static [&'static str])> {
    let operation = match asked {
        Asked::Api(operation) => operation,
        Asked::Options => {
            return Err((StatusCode::BAD_REQUEST, &["cannot handle internal-only request operation"]));
        }
        Asked::Unknown => return Err((StatusCode::METHOD_NOT_ALLOWED, &[])),
        Asked::BadList => return Err((StatusCode::BAD_REQUEST, &[])),
    };
    if target::is_relative(path) {
        return Err((StatusCode::BAD_REQUEST, &["relative paths not supported"]));
    }
    if operation == Operation::Write && path.ends_with('/') {
        return Err((StatusCode::BAD_REQUEST, &[SLASH]));
    }
    Ok(operation)
}
