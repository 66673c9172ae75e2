//! What is received, and what it costs the others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{Empty, Full, StreamBody};

use super::{Bodies, BodyError, Received};

type Pieces = VecDeque<&'static [u8]>;

/// A body that comes in these pieces and then ends, or never does.
fn pieces(pieces: &[&'static [u8]], ends: bool) -> impl http_body::Body<Data = Bytes> + Unpin {
    let pieces: Pieces = pieces.iter().copied().collect();
    StreamBody::new(Box::pin(stream::unfold(pieces, move |mut pieces| async move {
        match pieces.pop_front() {
            Some(piece) => Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece))), pieces)),
            None if ends => None,
            None => std::future::pending().await,
        }
    })))
}

fn in_a_minute() -> Instant {
    // The runtime's clock, which runs ahead where it is paused.
    tokio::time::Instant::now().into_std() + Duration::from_secs(60)
}

fn error(received: Result<Received, BodyError>) -> BodyError {
    received.unwrap_err()
}

#[tokio::test]
async fn pieces_make_one_body() {
    let bodies = Bodies::new(8, 8);
    for (sent, expected) in
        [(&[][..], ""), (&[&b""[..], b"abc"][..], "abc"), (&[&b"abc"[..], b"", b"defgh"][..], "abcdefgh")]
    {
        assert_eq!(bodies.receive(pieces(sent, true), in_a_minute()).await.unwrap().bytes, expected);
    }
    assert!(bodies.receive(Empty::new(), in_a_minute()).await.unwrap().bytes.is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
    let bodies = Bodies::new(8, 8);
    let says_so = Full::new(Bytes::from_static(b"123456789"));
    assert_eq!(error(bodies.receive(says_so, in_a_minute()).await), BodyError::TooLarge);
    let does_not = pieces(&[b"12345", b"6789"], false);
    assert_eq!(error(bodies.receive(does_not, in_a_minute()).await), BodyError::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_cut() {
    let bodies = Bodies::new(8, 8);
    assert_eq!(error(bodies.receive(pieces(&[b"a"], false), in_a_minute()).await), BodyError::TooSlow);
}

#[tokio::test(start_paused = true)]
async fn bodies_wait_for_room_and_give_it_back() {
    let bodies = Bodies::new(8, 8);
    let held = bodies.receive(pieces(&[b"12345"], true), in_a_minute()).await.unwrap();
    let crowded = bodies.receive(pieces(&[b"1234"], true), in_a_minute()).await;
    assert_eq!(error(crowded), BodyError::Crowded);
    let waiting = bodies.receive(pieces(&[b"1234"], true), in_a_minute());
    let (received, ()) = tokio::join!(waiting, async { drop(held) });
    assert_eq!(received.unwrap().bytes, "1234");
    assert!(bodies.receive(pieces(&[b"12345678"], true), in_a_minute()).await.is_ok());
}
