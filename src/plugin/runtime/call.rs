//! gRPC calls: one message in, one out; and what comes along with them.

use std::time::{Duration, Instant};

use futures_util::TryFutureExt as _;
use hyper::body::Incoming;
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::MAX_MESSAGE_BYTES;

/// What goes back to the core.
pub(super) type Answer = http::Response<tonic::body::Body>;

/// Answers a call of one message with another.
pub(super) async fn unary<A, R, F>(
    request: http::Request<Incoming>,
    mut answer: impl FnMut(Request<A>) -> F,
) -> Answer
where
    A: Message + Default + Send + 'static,
    R: Message + Send + 'static,
    F: Future<Output = Result<R, Status>>,
{
    let service = tower::service_fn(|call| answer(call).map_ok(tonic::Response::new));
    grpc::<R, A>().unary(service, request).await
}

/// A server of one method with the bounds that hold for all.
pub(super) fn grpc<R, A>() -> Grpc<ProstCodec<R, A>>
where
    A: Message + Default + Send + 'static,
    R: Message + Send + 'static,
{
    Grpc::new(ProstCodec::default())
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The moment until which the caller waits, if it says so.
pub(super) fn deadline(metadata: &MetadataMap) -> Option<Instant> {
    let wait = wait(metadata.get("grpc-timeout")?.to_str().ok()?)?;
    Instant::now().checked_add(wait)
}

/// `grpc-timeout`: at most eight digits and a unit.
fn wait(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_few_digits_and_a_unit() {
        for (text, wanted) in [
            ("90S", Some(Duration::from_secs(90))),
            ("89999999u", Some(Duration::from_micros(89_999_999))),
            ("1H", Some(Duration::from_secs(3600))),
            ("5m", Some(Duration::from_millis(5))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("5", None),
            ("5s", None),
            ("+5S", None),
            ("123456789S", None),
            ("5é", None),
        ] {
            assert_eq!(wait(text), wanted, "{text}");
        }
    }
}
