//! Messages in every cut, deadlines, and what answers look like on the wire.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use proptest::prelude::*;

use super::{
    Code, READ_TIMEOUT, ReadError, deadline, failure, message, read_in_time, read_message, time_left,
};
use crate::doors::envoy::message_budget::ProcessBudget;

const LIMIT: usize = 1000;

/// A body that comes in these frames; `None` is a connection that breaks.
struct Pieces {
    frames: VecDeque<Option<Frame<Bytes>>>,
    /// More might come, but does not.
    open: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.frames.pop_front() {
            None if self.open => Poll::Pending,
            frame => Poll::Ready(frame.map(|frame| frame.ok_or("broken"))),
        }
    }
}

fn read(frames: impl IntoIterator<Item = Option<Frame<Bytes>>>) -> Result<Bytes, ReadError> {
    read_from(Pieces { frames: frames.into_iter().collect(), open: false }).expect("no wait")
}

/// None where it waits for more.
fn read_from(mut body: Pieces) -> Option<Result<Bytes, ReadError>> {
    let mut charge = ProcessBudget::new(LIMIT).connection().charge();
    futures_util::FutureExt::now_or_never(read_message(&mut body, LIMIT, &mut charge))
}

fn data(bytes: &[u8]) -> Option<Frame<Bytes>> {
    Some(Frame::data(Bytes::copy_from_slice(bytes)))
}

/// A message behind its header.
fn framed(flag: u8, length: usize, content: &[u8]) -> Vec<u8> {
    [&[flag][..], &u32::try_from(length).unwrap().to_be_bytes(), content].concat()
}

fn whole(content: &[u8]) -> Vec<u8> {
    framed(0, content.len(), content)
}

proptest! {
    #[test]
    fn a_message_is_the_same_however_it_is_cut(
        content in proptest::collection::vec(any::<u8>(), 0..200),
        mut cuts in proptest::collection::vec(0_usize..210, 0..12),
    ) {
        let sent = whole(&content);
        cuts.sort_unstable();
        let mut frames = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().map(|cut| cut.min(sent.len())).chain([sent.len()]) {
            frames.push(data(&sent[from..cut]));
            from = cut;
        }
        prop_assert_eq!(read(frames), Ok(Bytes::from(content)));
    }

    #[test]
    fn no_bytes_panic_and_no_more_than_the_limit_is_given(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
    ) {
        if let Ok(message) = read(pieces.iter().map(|piece| data(piece))) {
            prop_assert!(message.len() <= LIMIT);
        }
    }
}

#[test]
fn a_message_that_comes_in_one_piece_is_not_copied() {
    let sent = Bytes::from(whole(b"content"));
    let read = read([Some(Frame::data(sent.clone()))]).unwrap();
    assert_eq!(read.as_ptr(), sent[5..].as_ptr());
}

#[test]
fn a_message_byte_by_byte_and_an_empty_one_are_whole() {
    assert_eq!(read(whole(b"content").iter().map(|byte| data(&[*byte]))), Ok(Bytes::from("content")));
    assert_eq!(read([data(&whole(b""))]), Ok(Bytes::new()));
    assert_eq!(read([data(b""), data(&whole(b"x")), data(b"")]), Ok(Bytes::from("x")));
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    assert_eq!(read([data(&whole(&[7; LIMIT]))]).map(|message| message.len()), Ok(LIMIT));
    assert_eq!(read([data(&whole(&[7; LIMIT + 1]))]), Err(ReadError::TooLarge));
    // Said by the header alone, before anything of it has come.
    assert_eq!(read([data(&framed(0, LIMIT + 1, b""))]), Err(ReadError::TooLarge));
    assert_eq!(read([data(&framed(0, u32::MAX as usize, b""))]), Err(ReadError::TooLarge));
    assert_eq!(read([data(&framed(1, LIMIT + 1, b""))]), Err(ReadError::TooLarge), "whatever else it is");
}

#[test]
fn nothing_is_waited_for_once_it_is_clear_what_was_sent() {
    for (sent, expected) in [
        (whole(b"abc"), Some(Ok(Bytes::from("abc")))),
        (framed(0, 3, b"abcd"), Some(Err(ReadError::Broken))),
        (framed(0, LIMIT + 1, b""), Some(Err(ReadError::TooLarge))),
        (framed(1, 3, b""), Some(Err(ReadError::Compressed))),
        (framed(0, 3, b"ab"), None),
        (vec![0, 0], None),
    ] {
        let read = read_from(Pieces { frames: [data(&sent)].into(), open: true });
        assert_eq!(read, expected, "{sent:?}");
    }
}

#[test]
fn a_compressed_message_is_told_apart() {
    assert_eq!(read([data(&framed(1, 3, b"abc"))]), Err(ReadError::Compressed));
    assert_eq!(read([data(&framed(2, 3, b"abc"))]), Err(ReadError::Compressed));
}

#[test]
fn what_is_not_one_whole_message_is_broken() {
    let trailers = || Some(Frame::trailers(HeaderMap::new()));
    let twice = [whole(b"abc"), whole(b"abc")].concat();
    let cases: [(&str, Vec<Option<Frame<Bytes>>>); 8] = [
        ("nothing", vec![]),
        ("half a header", vec![data(&[0, 0, 0])]),
        ("a header alone", vec![data(&framed(0, 3, b""))]),
        ("too little", vec![data(&framed(0, 3, b"ab"))]),
        ("too much", vec![data(&framed(0, 3, b"abcd"))]),
        ("two messages", vec![data(&twice)]),
        ("trailers too early", vec![data(&framed(0, 3, b"ab")), trailers()]),
        ("a broken connection", vec![data(&framed(0, 3, b"ab")), None]),
    ];
    for (what, frames) in cases {
        assert_eq!(read(frames), Err(ReadError::Broken), "{what}");
    }
}

fn timeout(text: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(text).unwrap();
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), value)])
}

#[test]
fn the_time_left_is_the_timeout_less_a_tenth_and_at_most_20_ms() {
    for (text, expected) in [
        ("100m", Duration::from_millis(90)),
        ("199m", Duration::from_micros(179_100)),
        ("200m", Duration::from_millis(180)),
        ("201m", Duration::from_millis(181)),
        ("1S", Duration::from_millis(980)),
        ("10M", Duration::from_millis(600_000 - 20)),
        ("2H", Duration::from_millis(7_200_000 - 20)),
        ("5000u", Duration::from_micros(4500)),
        ("1000n", Duration::from_nanos(900)),
        ("0m", Duration::ZERO),
        ("0000001S", Duration::from_millis(980)),
        ("99999999n", Duration::from_nanos(90_000_000)),
        ("99999999H", Duration::from_secs(99_999_999 * 3600) - Duration::from_millis(20)),
    ] {
        assert_eq!(time_left(&timeout(text.as_bytes())), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_timeout_sets_no_deadline() {
    assert_eq!(deadline(&HeaderMap::new()), None);
    for text in ["", "m", "5", "5x", "5s", "-5m", "+5m", " 5m", "5 m", "5.5m", "0x5m", "5mm", "123456789m"] {
        assert_eq!(deadline(&timeout(text.as_bytes())), None, "{text:?}");
    }
    for text in [&b"5\xc3\xa4"[..], b"\xff", b"5\xff"] {
        assert_eq!(deadline(&timeout(text)), None, "{text:?}");
    }
}

#[test]
fn the_deadline_is_the_time_left_from_now() {
    let headers = timeout(b"10S");
    let before = Instant::now();
    let deadline = deadline(&headers).unwrap();
    let left = time_left(&headers).unwrap();
    assert!(before + left <= deadline && deadline <= Instant::now() + left);
}

#[tokio::test]
async fn a_message_is_one_frame_and_the_status_ok_behind_it() {
    let response = message(Bytes::from_static(b"frame"));
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(!response.headers().contains_key("grpc-status"));
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), "frame");
}

#[tokio::test]
async fn a_failure_has_its_code_in_the_headers_and_nothing_behind_them() {
    for (code, number) in [(Code::InvalidArgument, "3"), (Code::Unimplemented, "12"), (Code::Internal, "13")]
    {
        let response = failure(code, "why");
        assert_eq!(response.headers()["grpc-status"], number);
        assert_eq!(response.headers()["grpc-message"], "why");
        assert!(response.body().is_end_stream(), "{code:?}");
        let body = response.into_body().collect().await.unwrap();
        assert!(body.trailers().is_none() && body.to_bytes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_has_ten_seconds_to_arrive_whatever_the_caller_names() {
    let now = || tokio::time::Instant::now();
    for (timeout, expected) in [
        (None, READ_TIMEOUT),
        (Some(Duration::from_secs(3600)), READ_TIMEOUT),
        (Some(Duration::from_secs(99_999_999 * 3600)), READ_TIMEOUT),
        (Some(Duration::from_secs(2)), Duration::from_secs(2)),
        (Some(Duration::ZERO), Duration::ZERO),
    ] {
        let began = now();
        let mut body = Pieces { frames: VecDeque::from([data(&framed(0, 3, b"ab"))]), open: true };
        let mut charge = ProcessBudget::new(LIMIT).connection().charge();
        let deadline = timeout.map(|timeout| began.into_std() + timeout);
        let read = read_in_time(&mut body, LIMIT, deadline, &mut charge).await;
        assert_eq!(read, Err(ReadError::Late), "{timeout:?}");
        assert_eq!(began.elapsed().as_secs(), expected.as_secs(), "{timeout:?}");
    }
}

#[test]
fn the_memory_of_messages_in_several_pieces_is_charged_until_they_are_let_go() {
    const MIB: usize = 1 << 20;
    let budget = ProcessBudget::new(4 * MIB).connection();
    let read = |pieces: usize| {
        let mut charge = budget.charge();
        let piece = vec![7; MIB];
        let mut sent = VecDeque::from([data(&framed(0, 4 * MIB, &piece))]);
        sent.extend((1..pieces).map(|_| data(&piece)));
        let mut body = Pieces { frames: sent, open: true };
        let read = futures_util::FutureExt::now_or_never(read_message(&mut body, 4 * MIB, &mut charge));
        (read.map(|read| read.map(|message| message.len())), charge)
    };
    let mut held = Vec::new();
    for _ in 0..8 {
        let (read, charge) = read(4);
        if read.is_some_and(|read| read == Err(ReadError::OverBudget)) {
            break;
        }
        assert_eq!(read, Some(Ok(4 * MIB)));
        held.push(charge);
    }
    assert_eq!(held.len(), 7, "32 MiB hold so many messages of 4 MiB and their headers");
    assert_eq!(read(1).0, None, "a message in one piece needs no copy so far");
    held.pop();
    assert_eq!(read(4).0, Some(Ok(4 * MIB)));
}
