//! One exchange with an API server: a request goes out, and the whole answer comes back within a bound.

use std::error::Error;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode, request};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
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

/// Sends a question as JSON through kube and reads the answer, whatever its status. Not by kube's own calls: these log
/// what they cannot read, and a question may hold a token.
///
/// # Errors
/// Where there is no whole answer.
pub async fn post(
    client: &kube::Client,
    request: request::Builder,
    question: &(impl Serialize + Sync),
) -> Result<(StatusCode, Bytes), ExchangeError> {
    let body = serde_json::to_vec(question).map_err(|error| ExchangeError::Unreachable(error.into()))?;
    let request = request
        .header(CONTENT_TYPE, JSON)
        .header(ACCEPT, JSON)
        .body(kube::client::Body::from(body))
        .map_err(|error| ExchangeError::Unreachable(error.into()))?;
    whole(client.send(request).await.map_err(unreachable)?).await
}

/// Reads an answer to its end, whatever its status.
///
/// # Errors
/// Where it is too long, or breaks off.
pub async fn whole<B>(response: Response<B>) -> Result<(StatusCode, Bytes), ExchangeError>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
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
