//! The door on HTTP/2: Check by hand, health and reflection by tonic.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tonic::service::Routes;
use tower::ServiceExt as _;

use super::door::EnvoyDoor;
use super::grpc::{self, Code, ReadError, UnaryBody};
use crate::core::reason::Undecided;
use crate::ports::Verify;

/// The largest CheckRequest that is read, in bytes. Envoy's own limit on headers is far lower.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// How long a request's message may take to arrive where the caller names no deadline.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What is served on every connection of the door. Cheap to clone.
#[derive(Debug)]
pub struct EnvoyService<V> {
    door: Arc<EnvoyDoor<V>>,
    others: Routes,
}

impl<V> Clone for EnvoyService<V> {
    fn clone(&self) -> Self {
        Self { door: Arc::clone(&self.door), others: self.others.clone() }
    }
}

impl<V: Verify + 'static> EnvoyService<V> {
    /// The door, and the other services (health, reflection) beside it.
    pub const fn new(door: Arc<EnvoyDoor<V>>, others: Routes) -> Self {
        Self { door, others }
    }

    async fn check(door: Arc<EnvoyDoor<V>>, request: Request<Incoming>) -> Response<UnaryBody> {
        let (parts, mut body) = request.into_parts();
        if parts.method != http::Method::POST {
            return grpc::failure(Code::Unimplemented, "Check is called by POST");
        }
        let deadline = grpc::deadline(&parts.headers);
        let read_by = deadline.or_else(|| Instant::now().checked_add(READ_TIMEOUT));
        let reading = grpc::read_message(&mut body, MAX_MESSAGE_BYTES);
        let read = match read_by {
            Some(at) => tokio::time::timeout_at(at.into(), reading).await,
            None => Ok(reading.await),
        };
        match read {
            Ok(Ok(message)) => match door.check(message, deadline).await {
                Ok(frame) => grpc::message(frame),
                Err(error) => {
                    tracing::warn!(%error, "refused a call of Check");
                    grpc::failure(Code::InvalidArgument, "not a CheckRequest")
                }
            },
            // A stranger may provoke these two, so they must not become an error that a proxy opens for.
            Ok(Err(ReadError::TooLarge)) => grpc::message(door.undecided(Undecided::Overloaded)),
            Err(_) => grpc::message(door.undecided(Undecided::Deadline)),
            Ok(Err(ReadError::Compressed)) => {
                grpc::failure(Code::Unimplemented, "compression is not supported")
            }
            Ok(Err(ReadError::Broken)) => grpc::failure(Code::InvalidArgument, "not one whole message"),
        }
    }
}

impl<V: Verify + 'static> hyper::service::Service<Request<Incoming>> for EnvoyService<V> {
    type Response = Response<DoorBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if request.uri().path() == CHECK_PATH {
            let check = AssertUnwindSafe(Self::check(Arc::clone(&self.door), request)).catch_unwind();
            return Box::pin(async move {
                // A handler that panics answers with an error, never with a default response.
                let answer = check.await.unwrap_or_else(|_| grpc::failure(Code::Internal, "internal error"));
                Ok(answer.map(|body| DoorBody(Inner::Check(body))))
            });
        }
        let others = self.others.clone();
        Box::pin(async move { Ok(others.oneshot(request).await?.map(|body| DoorBody(Inner::Other(body)))) })
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct DoorBody(Inner);

#[derive(Debug)]
enum Inner {
    /// Of a Check.
    Check(UnaryBody),
    /// Of health and reflection.
    Other(tonic::body::Body),
}

impl Body for DoorBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.get_mut().0 {
            Inner::Check(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Inner::Other(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Check(body) => body.is_end_stream(),
            Inner::Other(body) => body.is_end_stream(),
        }
    }
}
