//! What the API server says of namespaces: pages of a list, and lines of a watch. Metadata alone is asked for.

use std::collections::BTreeMap;
use std::error::Error;

use bytes::{Bytes, BytesMut};
use http::header::ACCEPT;
use http::{HeaderValue, Request, StatusCode};
use kube::client::Body;
use serde::Deserialize;

use crate::errors::with_causes;
use crate::exchange;

/// Namespaces of one page: a page is at most 1 MiB ([`exchange::MAX_ANSWER`]), and annotations are part of it.
const PAGE: u32 = 64;

/// The longest line of a watch: etcd takes no larger object (`--max-request-bytes`, 1.5 MiB).
const LINE: usize = 2 << 20;

/// The API server leaves spec and status out. A list has another name, and is refused (406) under that of an object.
const LIST: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);

/// The same of each object of a watch.
const WATCH: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");

/// Why namespaces are not watched any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The right is missing (403).
    Refused,
    /// The version that the watch began with is gone (410).
    Expired,
    /// There is no room for them.
    TooMany,
    /// Anything else, in words for operators.
    Lost(String),
}

impl End {
    pub(super) fn lost(sentence: &str) -> Self {
        Self::Lost(sentence.to_owned())
    }

    pub(super) fn unread() -> Self {
        Self::lost("the API server's answer is no list of namespaces")
    }

    pub(super) fn broken(error: &dyn Error) -> Self {
        Self::Lost(format!("the answer breaks off: {}", with_causes(error)))
    }

    pub(super) fn unreachable(error: &kube::Error) -> Self {
        Self::Lost(format!("the API server cannot be asked: {}", with_causes(error)))
    }

    pub(super) fn status(status: StatusCode) -> Self {
        match status {
            StatusCode::FORBIDDEN => Self::Refused,
            StatusCode::GONE => Self::Expired,
            status => Self::Lost(format!("the API server answers with status {status}")),
        }
    }

    pub(super) fn sentence(&self) -> &str {
        match self {
            Self::Refused => "rolegate may not list and watch them",
            Self::Expired => "the API server has forgotten the version that the watch began with",
            Self::TooMany => "there are more than 65,536, or their labels take more than 16 MiB",
            Self::Lost(sentence) => sentence,
        }
    }
}

/// `PartialObjectMetadataList`
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) metadata: PageMetadata,
    #[serde(default)]
    pub(super) items: Vec<Object>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PageMetadata {
    #[serde(rename = "resourceVersion")]
    pub(super) version: Option<String>,
    #[serde(rename = "continue")]
    pub(super) token: Option<String>,
}

/// `PartialObjectMetadata`, or a `Status` in its place.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    #[serde(default)]
    metadata: Metadata,
    code: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "resourceVersion")]
    version: Option<String>,
}

impl Object {
    pub(super) fn named(self) -> Result<(String, BTreeMap<String, String>), End> {
        let Metadata { name, labels, .. } = self.metadata;
        Ok((name.filter(|name| !name.is_empty()).ok_or_else(End::unread)?, labels.unwrap_or_default()))
    }

    /// It goes into a URL, so that it has to be what versions are.
    pub(super) fn version(&self) -> Result<String, End> {
        let version = self.metadata.version.as_deref().unwrap_or_default();
        let is_plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain { Ok(version.to_owned()) } else { Err(End::unread()) }
    }
}

/// `WatchEvent`
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Object,
}

/// What an event says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    Removed,
    /// A bookmark: its version alone counts.
    None,
}

impl Event {
    pub(super) fn read(self) -> Result<(Change, Object), End> {
        let change = match self.kind.as_str() {
            "ADDED" | "MODIFIED" => Change::Set,
            "DELETED" => Change::Removed,
            "BOOKMARK" => Change::None,
            "ERROR" => {
                let status = self.object.code.and_then(|code| StatusCode::from_u16(code).ok());
                return Err(status.map_or_else(End::unread, End::status));
            }
            _ => return Err(End::unread()),
        };
        Ok((change, self.object))
    }
}

/// A stream cut into lines, each bounded.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: BytesMut,
    // No line ends before this.
    searched: usize,
}

impl Lines {
    /// More of the stream. All whole lines have to be taken before.
    pub(super) fn push(&mut self, data: &Bytes) -> Result<(), End> {
        if self.rest.len().saturating_add(data.len()) > LINE {
            return Err(End::lost("a line of a watch is too long"));
        }
        self.rest.extend_from_slice(data);
        Ok(())
    }

    /// The next whole line, read.
    pub(super) fn next(&mut self) -> Result<Option<Event>, End> {
        let ahead = self.rest.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', ahead) else {
            self.searched = self.rest.len();
            return Ok(None);
        };
        let line = self.rest.split_to(self.searched.saturating_add(end).saturating_add(1));
        self.searched = 0;
        serde_json::from_slice(&line).map(Some).map_err(|_| End::unread())
    }

    /// The stream has ended: nothing may be left.
    pub(super) fn end(&self) -> Result<(), End> {
        if self.rest.iter().all(u8::is_ascii_whitespace) {
            Ok(())
        } else {
            Err(End::lost("a watch ends within a line"))
        }
    }
}

/// The page of a list that follows this token, or the first.
pub(super) async fn page(client: &kube::Client, token: &str) -> Result<Page, End> {
    let mut query = format!("limit={PAGE}");
    if !token.is_empty() {
        query.push_str("&continue=");
        query.extend(form_urlencoded::byte_serialize(token.as_bytes()));
    }
    let answer = client.send(request(&query, LIST)?).await.map_err(|error| End::unreachable(&error))?;
    let (status, body) = match exchange::whole(answer).await {
        Ok(answer) => answer,
        Err(exchange::ExchangeError::TooLarge) => {
            return Err(End::lost("64 namespaces take more than 1 MiB"));
        }
        Err(exchange::ExchangeError::Unreachable(error)) => return Err(End::broken(&*error)),
    };
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map_err(|_| End::unread()),
        status => Err(End::status(status)),
    }
}

/// A watch over what comes after a version, for whole seconds.
pub(super) fn watch(version: &str, seconds: u64) -> Result<Request<Body>, End> {
    let query =
        format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}");
    request(&query, WATCH)
}

fn request(query: &str, accept: HeaderValue) -> Result<Request<Body>, End> {
    Request::get(format!("/api/v1/namespaces?{query}"))
        .header(ACCEPT, accept)
        .body(Body::empty())
        .map_err(|error| End::broken(&error))
}

#[cfg(test)]
mod tests;
