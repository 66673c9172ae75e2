//! A request's body that has to end in time.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;

/// Fails when the body has not ended after some time: tonic waits for its messages without a limit.
#[derive(Debug)]
pub(super) struct TimedBody<B> {
    body: B,
    until: Pin<Box<Sleep>>,
}

impl<B> TimedBody<B> {
    /// `timeout` is for the whole body.
    pub(super) fn new(body: B, timeout: Duration) -> Self {
        Self { body, until: Box::pin(tokio::time::sleep(timeout)) }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for TimedBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| Status::from_error(error.into()))));
        }
        ready!(self.until.as_mut().poll(context));
        Poll::Ready(Some(Err(Status::deadline_exceeded("the request did not end in time"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
