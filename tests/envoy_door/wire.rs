//! What a well-behaved client never does, and deadlines that no client enforces for us.

use http::header::HeaderValue;
use prost::Message as _;

use crate::raw::{Call, framed};
use crate::support::{ApiServer, Served, good_request, told};

fn within(timeout: &'static str) -> impl FnOnce(&mut http::Request<()>) {
    move |head| {
        head.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
    }
}

#[tokio::test]
async fn a_message_that_comes_byte_by_byte_is_answered() {
    let served = Served::new("{}");
    let mut call = Call::begin(&served, |_| {}).await;
    for byte in framed(0, &good_request().encode_to_vec()) {
        call.send(vec![byte]).await;
    }
    assert_eq!(told(&call.finish().await.message()), "allow allowed");
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_end_of_the_callers_stream() {
    let served = Served::new("{}");
    let mut call = Call::begin(&served, |_| {}).await;
    call.send(framed(0, &good_request().encode_to_vec())).await;
    let (answer, _open) = call.unfinished().await;
    assert_eq!(told(&answer.message()), "allow allowed");
}

#[tokio::test]
async fn a_review_that_hangs_is_a_denial_when_the_callers_time_is_over() {
    for settings in ["undecided: error_response", "undecided: denied_response"] {
        let served = Served::new(settings);
        served.api_server(ApiServer::Hangs);
        let mut call = Call::begin(&served, within("200m")).await;
        call.send(framed(0, &good_request().encode_to_vec())).await;
        assert_eq!(told(&call.finish().await.message()), "denied 503 deadline");
    }
}

#[tokio::test]
async fn a_message_that_does_not_end_is_a_denial_when_the_callers_time_is_over() {
    let served = Served::new("{}");
    let mut call = Call::begin(&served, within("100m")).await;
    call.send(framed(0, &good_request().encode_to_vec()).slice(..20)).await;
    let (answer, _open) = call.unfinished().await;
    assert_eq!(told(&answer.message()), "denied 503 deadline");
}

#[tokio::test]
async fn an_oversized_message_is_denied_by_its_header_alone() {
    let served = Served::new("{}");
    let mut call = Call::begin(&served, |_| {}).await;
    call.send(vec![0, 0xff, 0xff, 0xff, 0xff]).await;
    let (answer, _open) = call.unfinished().await;
    assert_eq!(told(&answer.message()), "denied 413 too_large");
}

#[tokio::test]
async fn what_is_no_check_request_is_an_error_without_an_answer() {
    let served = Served::new("{}");
    let good = good_request().encode_to_vec();
    for (what, sent, status) in [
        ("compressed", framed(1, &good), "12"),
        ("two messages", [framed(0, &good), framed(0, &good)].concat().into(), "3"),
        ("half a message", framed(0, &good).slice(..20), "3"),
        ("nothing", bytes::Bytes::new(), "3"),
        ("no protobuf", framed(0, b"\x0a\xff"), "3"),
    ] {
        let mut call = Call::begin(&served, |_| {}).await;
        call.send(sent).await;
        let answer = call.finish().await;
        assert_eq!((answer.status.as_str(), answer.is_empty()), (status, true), "{what}");
    }
}

#[tokio::test]
async fn an_empty_message_is_a_request_without_a_token() {
    let served = Served::new("{}");
    let mut call = Call::begin(&served, |_| {}).await;
    call.send(framed(0, b"")).await;
    assert_eq!(told(&call.finish().await.message()), "denied 401 no_token");
}
