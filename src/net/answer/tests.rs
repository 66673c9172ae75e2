//! Pieces, and the time that a peer has to make room for them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::time::{Instant, sleep};

use super::{GivenUp, NO_ROOM, PIECE, Pieces};

fn pieces<B>(body: B) -> Pieces<B> {
    Pieces { body, rest: Bytes::new(), cuts: true }
}

#[tokio::test]
async fn a_body_comes_in_pieces_and_its_last_byte_apart() {
    for (length, expected) in [
        (0, vec![]),
        (1, vec![1]),
        (2, vec![1, 1]),
        (300, vec![299, 1]),
        (PIECE, vec![PIECE - 1, 1]),
        (PIECE + 1, vec![PIECE, 1]),
        (2 * PIECE + 7, vec![PIECE, PIECE, 6, 1]),
    ] {
        let content: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
        let mut body = pieces(Full::new(Bytes::from(content.clone())));
        let (mut lengths, mut gathered) = (Vec::new(), Vec::new());
        while !body.is_end_stream() {
            let left = u64::try_from(length - gathered.len()).unwrap();
            assert_eq!(body.size_hint().exact(), Some(left));
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            lengths.push(data.len());
            gathered.extend(data);
        }
        assert_eq!((lengths, gathered), (expected, content), "{length}");
    }
}

#[tokio::test]
async fn over_http_1_a_body_is_as_it_was() {
    let mut whole = Pieces { body: Full::new(Bytes::from_static(b"hello")), rest: Bytes::new(), cuts: false };
    assert_eq!(whole.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    assert!(whole.is_end_stream());
}

#[tokio::test]
async fn trailers_come_after_the_last_byte() {
    let frames = [Frame::data(Bytes::from_static(b"ab")), Frame::trailers(http::HeaderMap::new())];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, std::convert::Infallible>));
    let mut body = pieces(StreamBody::new(frames));
    for expected in ["a", "b"] {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), expected);
    }
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    assert!(body.frame().await.is_none());
}

/// Sends as hyper does: takes a piece, then waits until there is room for it.
async fn send<B: Body<Data = Bytes> + Unpin>(mut body: Pieces<B>, room: impl AsyncFn()) {
    while poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.is_some() {
        room().await;
    }
}

/// How long it took, in seconds of a paused clock.
async fn seconds(request: impl Future<Output = ()>) -> u64 {
    let began = Instant::now();
    GivenUp::new(request).await;
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_room_is_given_up() {
    let request =
        send(pieces(Full::new(Bytes::from_static(b"hello"))), async || std::future::pending().await);
    assert_eq!(seconds(request).await, NO_ROOM.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_makes_room_slowly_gets_all_of_its_answer() {
    let body = pieces(Full::new(Bytes::from(vec![7; 5 * PIECE])));
    let request = send(body, async || sleep(NO_ROOM - Duration::from_secs(1)).await);
    assert_eq!(seconds(request).await, 6 * (NO_ROOM.as_secs() - 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_nothing_is_to_be_sent_does_not_count() {
    let hour = Duration::from_secs(3600);
    let frames = futures_util::stream::unfold(0, |number| async move {
        sleep(Duration::from_secs(3600)).await;
        (number < 3)
            .then(|| (Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"x"))), number + 1))
    });
    let body = pieces(StreamBody::new(Box::pin(frames)));
    let request = async {
        sleep(hour).await;
        send(body, async || ()).await;
    };
    assert_eq!(seconds(request).await, 5 * hour.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_piece_that_waits_for_room_is_given_up_whatever_wakes_its_request() {
    let mut request = pin!(GivenUp::new(send(pieces(Full::new(Bytes::from_static(b"hello"))), async || {
        std::future::pending().await
    })));
    let began = Instant::now();
    loop {
        let mut woken = pin!(sleep(Duration::from_secs(1)));
        let polled = poll_fn(|context: &mut Context<'_>| match request.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => woken.as_mut().poll(context).map(|()| false),
        });
        if polled.await {
            break;
        }
    }
    assert_eq!(began.elapsed().as_secs(), NO_ROOM.as_secs());
}
