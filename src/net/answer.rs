//! Answers that the peer makes no room for: HTTP/2 flow control has no time-out of its own.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Map;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::time::Sleep;

/// How long a peer may take to make room for the next piece of an answer.
pub(super) const NO_ROOM: Duration = Duration::from_secs(10);

/// The largest piece: a frame of HTTP/2.
const PIECE: usize = 16 * 1024;

thread_local! {
    /// What the body of the answer that this thread polls did last.
    static POLLED: Cell<Polled> = const { Cell::new(Polled::Not) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Polled {
    /// It was not polled.
    Not,
    /// It had nothing to give yet.
    Waits,
    /// It gave a piece, and was not polled for the next one.
    Gave,
}

/// A service whose answers [`GivenUp`] can follow.
#[derive(Debug)]
pub(super) struct Followed<S>(pub(super) S);

type Follow<B> = fn(Result<Response<B>, Infallible>) -> Result<Response<Pieces<B>>, Infallible>;

impl<S, B> Service<Request<Incoming>> for Followed<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<Pieces<B>>;
    type Error = Infallible;
    type Future = Map<S::Future, Follow<B>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let follow: Follow<B> = if request.version() == Version::HTTP_2 {
            |answer| answer.map(|answer| answer.map(|body| Pieces { body, rest: Bytes::new(), cuts: true }))
        } else {
            // The socket holds back what HTTP/1 writes, and `Stream` has a time-out for that.
            |answer| answer.map(|answer| answer.map(|body| Pieces { body, rest: Bytes::new(), cuts: false }))
        };
        self.0.call(request).map(follow)
    }
}

/// A body that gives its data in pieces, the last byte apart.
///
/// hyper asks for a piece once there is room for a byte of it, gives it to h2 whole, and is done with the request when it
/// has given the last one. So what h2 holds back is at most a byte of an answer that hyper is done with, and while there
/// is more, the next piece is not asked for.
#[derive(Debug)]
pub(super) struct Pieces<B> {
    body: B,
    rest: Bytes,
    cuts: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Pieces<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                POLLED.set(Polled::Waits);
                return Poll::Pending;
            };
            POLLED.set(Polled::Gave);
            let frame = match frame {
                Some(Ok(frame)) if self.cuts => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) if !data.is_empty() => self.rest = data,
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        POLLED.set(Polled::Gave);
        let length = self.rest.len().saturating_sub(1).clamp(1, PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// A request that ends when its peer makes no room for its answer within [`NO_ROOM`]; h2 then resets the stream. The time
/// in which the answer itself has nothing to give does not count.
#[derive(Debug)]
pub(super) struct GivenUp<F> {
    request: Pin<Box<F>>,
    last: Polled,
    until: Option<Pin<Box<Sleep>>>,
}

impl<F> GivenUp<F> {
    /// `request` is all of it: the service's work, and the sending of the answer.
    pub(super) fn new(request: F) -> Self {
        Self { request: Box::pin(request), last: Polled::Not, until: None }
    }
}

impl<F: Future> Future for GivenUp<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        POLLED.set(Polled::Not);
        if this.request.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let polled = POLLED.get();
        if polled != Polled::Not {
            this.last = polled;
            this.until = None;
        }
        if this.last != Polled::Gave {
            return Poll::Pending;
        }
        let until = this.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(NO_ROOM)));
        until
            .as_mut()
            .poll(context)
            .map(|()| tracing::debug!("an answer is given up, for its peer makes no room"))
    }
}

#[cfg(test)]
mod tests;
