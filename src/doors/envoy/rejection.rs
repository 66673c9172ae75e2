//! Which requests are gRPC calls of a served method, and what every other request gets.
//!
//! A forward-auth proxy takes HTTP 200 for an allow, and gRPC answers every call with HTTP 200, errors included. So HTTP
//! 200 is for callers that have shown to speak gRPC: `te: trailers` is required of gRPC clients, and it is hop-by-hop, so
//! that a proxy does not pass it on from its client (RFC 9110 section 10.1.4).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};

use crate::metrics::Metrics;
use crate::net::Peer;

/// The paths of the served methods, apart from Check's.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: [&str; 2] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
const REFLECTION: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Between two log lines of one cause.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A served method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rpc {
    /// `envoy.service.auth.v3.Authorization/Check`.
    Check,
    /// `grpc.health.v1.Health`, which reads one message.
    Health,
    /// `grpc.reflection`, which reads a stream of messages.
    Reflection,
}

/// Why a request is no gRPC call of a served method, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// `content-type` is not `application/grpc` or `application/grpc+proto`.
    ContentType,
    /// The method is not POST.
    Method,
    /// No served method has this path. gRPC clients read the 404 as UNIMPLEMENTED.
    Path,
    /// There is no `te: trailers`.
    Te,
    /// The version of HTTP is not 2.
    HttpVersion,
}

impl Rejection {
    const ALL: [Self; 5] = [Self::ContentType, Self::Method, Self::Path, Self::Te, Self::HttpVersion];

    /// The value of the metric's label `cause`.
    const fn cause(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::Method => "method",
            Self::Path => "path",
            Self::Te => "te",
            Self::HttpVersion => "http_version",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
            // Not 505: a 5xx is a failure of the server, which some proxies open for.
            Self::Te | Self::HttpVersion => StatusCode::BAD_REQUEST,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::ContentType => "This port serves gRPC: the content type must be application/grpc.\n",
            Self::Method => "This port serves gRPC: the method must be POST.\n",
            Self::Path => "This port serves no gRPC method of this path.\n",
            Self::Te => "This port serves gRPC: the request needs the header te: trailers.\n",
            Self::HttpVersion => "This port serves gRPC, which needs HTTP/2.\n",
        }
    }

    /// The answer: a 4xx with one sentence, and nothing of gRPC in it.
    pub(super) fn response(self, request: &Parts) -> Response<Bytes> {
        let sentence = self.sentence();
        // An answer to HEAD has the length of the body that it does not have (RFC 9110 section 9.3.2).
        let is_head = request.method == Method::HEAD;
        let body = if is_head { Bytes::new() } else { Bytes::from_static(sentence.as_bytes()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(sentence.len()));
        if self == Self::Method {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if request.version < Version::HTTP_2 {
            // Nothing is served to this client, whose request body may have no end.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The method that a request calls.
///
/// # Errors
/// The first of the checks that fails. Values count as gRPC clients send them, in lower case and without parameters:
/// to refuse another spelling is always safe.
pub(super) fn rpc(request: &Parts) -> Result<Rpc, Rejection> {
    if !["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|expected| is(&request.headers, &CONTENT_TYPE, expected))
    {
        return Err(Rejection::ContentType);
    }
    if request.method != Method::POST {
        return Err(Rejection::Method);
    }
    // With the query, which no gRPC method has.
    let path = request.uri.path_and_query().map_or("", |path| path.as_str());
    let rpc = if path == CHECK {
        Rpc::Check
    } else if HEALTH.contains(&path) {
        Rpc::Health
    } else if REFLECTION.contains(&path) {
        Rpc::Reflection
    } else {
        return Err(Rejection::Path);
    };
    if !is(&request.headers, &TE, "trailers") {
        return Err(Rejection::Te);
    }
    if request.version != Version::HTTP_2 {
        return Err(Rejection::HttpVersion);
    }
    Ok(rpc)
}

/// Whether a header is there once and has exactly this value.
fn is(headers: &HeaderMap, name: &HeaderName, expected: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|value| value.as_bytes() == expected.as_bytes()) && values.next().is_none()
}

/// Counts rejected requests, and logs them: at most one line per cause within [`LOG_INTERVAL`].
#[derive(Debug, Default)]
pub(super) struct Rejections {
    metrics: Metrics,
    log: Mutex<[Unlogged; Rejection::ALL.len() + 1]>,
}

/// What no log line has counted yet.
#[derive(Debug, Default, Clone, Copy)]
struct Unlogged {
    count: u64,
    logged: Option<Instant>,
}

impl Rejections {
    /// Counts under `rolegate_rejected_requests_total`.
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, log: Mutex::default() }
    }

    /// Counts one. Nothing that a caller chose is logged but its address.
    pub(super) fn count(&self, rejection: Rejection, peer: Peer) {
        let cause = rejection.cause();
        self.metrics.rejected_request("envoy", cause);
        if let Some(requests) = self.due(rejection as usize, Instant::now()) {
            tracing::warn!(
                listener = "envoy",
                cause,
                requests,
                peer = %peer.0.ip(),
                status = rejection.status().as_u16(),
                "requests are rejected: they are no gRPC calls of a served method"
            );
        }
    }

    /// Counts one whose stream the HTTP/2 library has reset.
    pub(super) fn count_malformed(&self, peer: Peer) {
        let cause = "malformed";
        self.metrics.rejected_request("envoy", cause);
        if let Some(requests) = self.due(Rejection::ALL.len(), Instant::now()) {
            tracing::warn!(
                listener = "envoy",
                cause,
                requests,
                peer = %peer.0.ip(),
                "requests are reset (PROTOCOL_ERROR): they are malformed. Most often :authority is no host name; \
                 set `authority` in the gRPC service and the health check of the proxy"
            );
        }
    }

    /// Counts one for the log, and gives the number to be logged if a line is due.
    fn due(&self, cause: usize, now: Instant) -> Option<u64> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let unlogged = log.get_mut(cause)?;
        unlogged.count += 1;
        if unlogged.logged.is_some_and(|at| now.saturating_duration_since(at) < LOG_INTERVAL) {
            return None;
        }
        let count = unlogged.count;
        *unlogged = Unlogged { count: 0, logged: Some(now) };
        Some(count)
    }
}

#[cfg(test)]
mod tests;
