//! Request bodies: JSON or kubectl's protobuf, bounded in size and time.

use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::{Refusal, protobuf};

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A body that a type can be read from; an empty one is `{}`.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let media = media_type(request.headers());
        let arrival = tokio::time::timeout(TIMEOUT, Bytes::from_request(request, state)).await;
        let bytes = arrival.map_err(|_elapsed| Refusal::timeout())?.map_err(unread)?;
        let value = match media.as_str() {
            "" | "application/json" if bytes.is_empty() => serde_json::from_slice(b"{}"),
            "" | "application/json" => serde_json::from_slice(&bytes),
            "application/vnd.kubernetes.protobuf" => {
                serde_json::from_value(protobuf::to_json(&bytes).ok_or_else(Refusal::unsupported_media_type)?)
            }
            _ => return Err(Refusal::unsupported_media_type()),
        };
        // The parser's message quotes what it read, and that may be a token: it stays here.
        value
            .map(Self)
            .map_err(|_unshown| Refusal::bad_request("the request's body is not the object expected here"))
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unread(rejection: BytesRejection) -> Refusal {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(),
        _ => Refusal::bad_request("the request's body could not be read"),
    }
}
