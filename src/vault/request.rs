//! A request to a Vault path, as every transport gives it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::core::secret::Secret;
use crate::ports::Origin;

/// What is to be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// GET
    Read,
    /// LIST, or GET with `list=true`; the path ends in `/`.
    List,
    /// POST and PUT. Whether it creates or updates is told by what is there.
    Write,
    /// DELETE
    Delete,
    /// PATCH
    Patch,
    /// HEAD, which no path of the API serves.
    Header,
}

impl Operation {
    /// What the log and metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Patch => "patch",
            Self::Header => "header",
        }
    }
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// The request's id, a UUID; the answer's `request_id`, and what the log calls it.
    pub id: String,
    /// What to do.
    pub operation: Operation,
    /// The path below `/v1/`, unescaped, without a slash at its start: `auth/kubernetes/login`. A slash at its end
    /// is the caller's, or that of a list.
    pub path: String,
    /// The body's fields, or the query's for operations without a body; numbers as they were written.
    pub data: Map<String, Value>,
    /// `X-Vault-Token`, or the bearer.
    pub token: Option<Secret>,
    /// Where the request comes from, if that is known.
    pub peer: Option<IpAddr>,
    /// Through which door, and over which connection.
    pub origin: Origin,
    /// `X-Vault-Wrap-TTL`: the answer is to be wrapped for so long. None or zero: it is not.
    pub wrap_ttl: Option<Duration>,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
}

impl Request {
    /// For how many seconds the answer is to be wrapped; 0: it is not.
    pub(super) fn wrap_seconds(&self) -> u64 {
        self.wrap_ttl.map_or(0, |ttl| ttl.as_secs())
    }
}

impl std::fmt::Debug for Request {
    /// Of the fields their names alone: a login's hold a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields: Vec<&String> = self.data.keys().collect();
        formatter
            .debug_struct("Request")
            .field("id", &self.id)
            .field("operation", &self.operation)
            .field("path", &self.path)
            .field("fields", &fields)
            .finish_non_exhaustive()
    }
}
