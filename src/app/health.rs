//! What `rolegate health` does: one look at `/readyz`.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// For the whole question.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most of an answer that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Why the process is not ready, or cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The address is no `http://host:port`.
    #[error("`{0}` is not the operations door's URL, expected one such as `http://127.0.0.1:9192`")]
    Url(String),
    /// Nobody answers there.
    #[error("`{0}` does not answer")]
    Connect(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It says that it is not ready.
    #[error("not ready: {0}")]
    NotReady(String),
}

/// Asks the operations door at `url` whether the process is ready.
///
/// # Errors
/// Where it is not, or does not say so within 5 s.
pub async fn ask(url: &str) -> Result<(), HealthError> {
    let authority = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .filter(|authority| {
            authority.parse::<http::uri::Authority>().is_ok_and(|parsed| parsed.port().is_some())
        })
        .ok_or_else(|| HealthError::Url(url.to_owned()))?;
    let failed = |error| HealthError::Connect(url.to_owned(), error);
    let (status, body) = match tokio::time::timeout(TIMEOUT, readyz(authority)).await {
        Ok(answer) => answer.map_err(failed)?,
        Err(elapsed) => return Err(failed(elapsed.into())),
    };
    if status.is_success() { Ok(()) } else { Err(HealthError::NotReady(body.trim().to_owned())) }
}

async fn readyz(
    authority: &str,
) -> Result<(http::StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/readyz").header("host", authority).body(Empty::<bytes::Bytes>::new())?;
    let asking = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BODY).collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::select! {
        answer = asking => answer,
        ended = connection => Err(ended.err().map_or_else(|| "the connection closed".into(), Into::into)),
    }
}
