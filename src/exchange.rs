//! One exchange with an API server: a request goes out, and the whole answer comes back within a bound.

use std::error::Error;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use serde::Serialize;

/// The largest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 1 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why there is no whole answer. Holds nothing of the request.
#[derive(Debug)]
pub enum ExchangeError {
    /// The API server cannot be reached, or breaks off.
    Unreachable(Box<dyn Error + Send + Sync>),
    /// The answer is longer than [`MAX_ANSWER`].
    TooLarge,
}

/// Sends a request without a body and reads the answer, whatever its status.
///
/// # Errors
/// Where there is no whole answer.
pub async fn get(
    client: &kube::Client,
    request: request::Builder,
) -> Result<(StatusCode, Bytes), ExchangeError> {
    send(client, request, Vec::new()).await
}

/// Sends a question as JSON and reads the answer, whatever its status. Not by kube's own calls: these log what they
/// cannot read, and a question may hold a token.
///
/// # Errors
/// Where there is no whole answer.
pub async fn post(
    client: &kube::Client,
    request: request::Builder,
    question: &(impl Serialize + Sync),
) -> Result<(StatusCode, Bytes), ExchangeError> {
    let body = serde_json::to_vec(question).map_err(|error| ExchangeError::Unreachable(error.into()))?;
    send(client, request.header(CONTENT_TYPE, JSON), body).await
}

async fn send(
    client: &kube::Client,
    request: request::Builder,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes), ExchangeError> {
    let request = request
        .header(ACCEPT, JSON)
        .body(Body::from(body))
        .map_err(|error| ExchangeError::Unreachable(error.into()))?;
    let response = client.send(request).await.map_err(unreachable)?;
    let status = response.status();
    match Limited::new(response.into_body(), MAX_ANSWER).collect().await {
        Ok(body) => Ok((status, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(ExchangeError::TooLarge),
        Err(error) => Err(ExchangeError::Unreachable(error)),
    }
}

/// What lies below kube's own words.
fn unreachable(error: kube::Error) -> ExchangeError {
    ExchangeError::Unreachable(match error {
        kube::Error::Service(cause) => cause,
        kube::Error::HyperError(cause) => cause.into(),
        other => other.into(),
    })
}
