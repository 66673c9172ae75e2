//! A body that was asked for before it is read.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

/// A body, and what there was of it when it was asked for.
///
/// An HTTP/1 connection reads a body when somebody asks for it. What has come with the head is there when the request
/// is handled, if it was asked for before: nobody has to be woken for it.
pub(in super::super) struct Begun<B: Body> {
    body: B,
    /// The answer of the one who was asked, where it was not that there is none yet.
    first: Option<Asked<B>>,
}

type Asked<B> = Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>;

impl<B: Body + Unpin> Begun<B> {
    /// Asks for the body.
    pub(in super::super) fn new(mut body: B) -> Self {
        // Whoever reads it leaves a waker of his own.
        let asked = match body.is_end_stream() {
            true => Poll::Pending,
            false => Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())),
        };
        let first = match asked {
            Poll::Ready(frame) => Some(frame),
            Poll::Pending => None,
        };
        Self { body, first }
    }

    /// Does not ask: who waits for a word before he sends a body hears it when the body is wanted.
    pub(in super::super) const fn later(body: B) -> Self {
        Self { body, first: None }
    }
}

impl<B: Body<Data: Buf + Unpin, Error: Unpin> + Unpin> Body for Begun<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(first),
            None => Pin::new(&mut self.body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut whole) = (self.body.size_hint(), SizeHint::new());
        let first = match &self.first {
            Some(Some(Ok(frame))) => frame.data_ref().map_or(0, Buf::remaining),
            _ => 0,
        };
        let first = u64::try_from(first).unwrap_or(u64::MAX);
        whole.set_lower(rest.lower().saturating_add(first));
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper.saturating_add(first));
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use http_body::{Body as _, Frame};
    use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
    use tokio::sync::oneshot;

    use super::Begun;

    #[tokio::test]
    async fn what_was_there_at_once_comes_first_and_counts() {
        let mut there = Begun::new(Full::new(Bytes::from_static(b"abc")));
        assert_eq!((there.size_hint().exact(), there.is_end_stream()), (Some(3), false));
        assert_eq!(there.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert!(there.is_end_stream() && there.frame().await.is_none());

        let pieces = ["a", "b"]
            .map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        let pieces = Begun::new(StreamBody::new(stream::iter(pieces)));
        assert_eq!(pieces.collect().await.unwrap().to_bytes(), "ab");

        let broken = StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(std::io::Error::other("broken"))]));
        assert!(Begun::new(broken).collect().await.is_err());
        assert!(Begun::new(Empty::<Bytes>::new()).collect().await.unwrap().to_bytes().is_empty());
    }

    #[tokio::test]
    async fn what_was_not_there_at_once_is_waited_for() {
        for begun in [Begun::new, Begun::later] {
            let (sender, sent) = oneshot::channel();
            let body = stream::once(async { sent.await.map(Frame::data) });
            let body = begun(StreamBody::new(Box::pin(body)));
            let (read, _) = tokio::join!(body.collect(), async { sender.send(Bytes::from_static(b"later")) });
            assert_eq!(read.unwrap().to_bytes(), "later");
        }
    }
}
