//! The little of gRPC over HTTP/2 that one unary call needs.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;

use super::message_budget::{Charge, OverBudget};

/// How long a request's message may take to arrive, whatever `grpc-timeout` says.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The length of a message's header: a flag and four bytes of length.
const FRAME_HEADER: usize = 5;

/// The status codes that leave from here (grpc.io, statuscodes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The message cannot be read.
    InvalidArgument = 3,
    /// Compression was not agreed on.
    Unimplemented = 12,
    /// We failed.
    Internal = 13,
}

/// Why no message was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadError {
    /// Longer than the limit.
    TooLarge,
    /// Compressed.
    Compressed,
    /// Not one whole message.
    Broken,
    /// The messages of the connection or of the process hold too many bytes.
    OverBudget,
    /// Not whole in time.
    Late,
}

/// Reads the one message of a unary call, at most `limit` bytes of it, by `deadline` and within [`READ_TIMEOUT`]; no copy
/// where it comes in one piece.
///
/// # Errors
/// Where there is no whole message in time, or it is too large or compressed.
pub(super) async fn read_in_time<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limit: usize,
    deadline: Option<Instant>,
    charge: &mut Charge,
) -> Result<Bytes, ReadError> {
    let reading = read_message(body, limit, charge);
    // `grpc-timeout` may be hours, and is for the answer.
    let timeout = tokio::time::Instant::now() + READ_TIMEOUT;
    let until = deadline.map_or(timeout, |deadline| timeout.min(deadline.into()));
    tokio::time::timeout_at(until, reading).await.unwrap_or(Err(ReadError::Late))
}

async fn read_message<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limit: usize,
    charge: &mut Charge,
) -> Result<Bytes, ReadError> {
    let mut first = Bytes::new();
    let mut more = Vec::new();
    loop {
        let gathered = if more.is_empty() { &first[..] } else { &more[..] };
        let mut expected = 0;
        if let Some((header, rest)) = gathered.split_first_chunk::<FRAME_HEADER>() {
            let [flag, length @ ..] = *header;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > limit {
                return Err(ReadError::TooLarge);
            }
            if flag != 0 {
                return Err(ReadError::Compressed);
            }
            if rest.len() > length {
                return Err(ReadError::Broken);
            }
            if rest.len() == length {
                let mut whole = if more.is_empty() { first } else { more.into() };
                whole.advance(FRAME_HEADER);
                return Ok(whole);
            }
            expected = length.saturating_add(FRAME_HEADER);
        }
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            Some(Err(_)) | None => return Err(ReadError::Broken),
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                append(&mut more, &first, expected, charge)?;
            }
            append(&mut more, &data, expected, charge)?;
        }
    }
}

/// Appends to what is gathered of a message that becomes `expected` bytes long. Memory is taken for what has come, at most
/// twice as much, not for what the message's header promises.
fn append(
    gathered: &mut Vec<u8>,
    data: &[u8],
    expected: usize,
    charge: &mut Charge,
) -> Result<(), ReadError> {
    let needed = gathered.len().saturating_add(data.len());
    let capacity = gathered.capacity();
    if needed > capacity {
        let grown = capacity.saturating_mul(2).min(expected).max(needed);
        charge.grow(grown.saturating_sub(capacity)).map_err(|OverBudget| ReadError::OverBudget)?;
        gathered.reserve_exact(grown.saturating_sub(gathered.len()));
    }
    gathered.extend_from_slice(data);
    Ok(())
}

/// A message in its frame, not compressed.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(message.len().saturating_add(FRAME_HEADER));
    frame.push(0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// When the answer has to leave; none where the caller does not say how long it waits.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Instant> {
    Instant::now().checked_add(time_left(headers)?)
}

/// `grpc-timeout`, less 10 % and at most 20 ms for the way.
fn time_left(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(number.saturating_mul(3600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    let margin = (timeout / 10).min(Duration::from_millis(20));
    Some(timeout.saturating_sub(margin))
}

/// The answer of a unary call: one frame and trailers, or trailers alone.
#[derive(Debug)]
pub(super) struct UnaryBody {
    frame: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

static OK_TRAILERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))])
});

/// An answer with one message, whose frame is given.
pub(super) fn message(frame: Bytes) -> Response<UnaryBody> {
    with_type(UnaryBody { frame: Some(frame), trailers: Some(OK_TRAILERS.clone()) })
}

/// An answer without a message. Never code 0.
pub(super) fn failure(code: Code, text: &'static str) -> Response<UnaryBody> {
    let mut response = with_type(UnaryBody { frame: None, trailers: None });
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    headers.insert("grpc-message", HeaderValue::from_static(text));
    response
}

fn with_type(body: UnaryBody) -> Response<UnaryBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

impl Body for UnaryBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = self.frame.take().map(Frame::data).or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frame.is_none() && self.trailers.is_none()
    }
}

#[cfg(test)]
mod tests;
