//! The door on HTTP: Check by hand, health and reflection by tonic, a 4xx for whatever is no gRPC call.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::Status;
use tonic::service::Routes;
use tower::ServiceExt as _;

use super::door::EnvoyDoor;
use super::grpc::{self, Code, ReadError, UnaryBody};
use super::message_budget::{Charge, MessageBudget, ProcessBudget};
use super::rejection::{self, Rejections, Rpc};
use super::timed_body::TimedBody;
use crate::core::reason::{Deny, Undecided};
use crate::metrics::Metrics;
use crate::net::{OnRefused, Peer};
use crate::ports::Verify;

/// How long the request of a health call may take to arrive.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may go on asking reflection on one stream.
const REFLECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The door and the other gRPC services, for all connections.
#[derive(Debug)]
pub struct EnvoyService<V> {
    shared: Arc<Shared<V>>,
    budget: ProcessBudget,
}

#[derive(Debug)]
struct Shared<V> {
    door: EnvoyDoor<V>,
    others: Routes,
    rejections: Rejections,
}

impl<V: Verify + 'static> EnvoyService<V> {
    /// The door, and the other services (health, reflection) beside it. Requests that are no gRPC calls of these are
    /// counted in `metrics`.
    pub fn new(door: EnvoyDoor<V>, others: Routes, metrics: Metrics) -> Self {
        let budget = ProcessBudget::new(door.settings.max_message_bytes.get());
        let shared = Arc::new(Shared { door, others, rejections: Rejections::new(metrics) });
        Self { shared, budget }
    }

    /// Counts the requests that the HTTP/2 library refuses.
    pub fn on_refused(&self) -> OnRefused {
        let shared = Arc::clone(&self.shared);
        OnRefused::new(move |peer| shared.rejections.count_malformed(peer))
    }

    /// What is served on one connection.
    pub fn connection(&self, peer: Peer) -> EnvoyConnection<V> {
        EnvoyConnection { shared: Arc::clone(&self.shared), budget: self.budget.connection(), peer }
    }
}

/// What is served on one connection of the door.
#[derive(Debug)]
pub struct EnvoyConnection<V> {
    shared: Arc<Shared<V>>,
    budget: MessageBudget,
    peer: Peer,
}

impl<V: Verify + 'static> hyper::service::Service<Request<Incoming>> for EnvoyConnection<V> {
    type Response = Response<DoorBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let timeout = match rejection::rpc(&parts) {
            Ok(Rpc::Check) => return self.check(parts, body),
            Ok(Rpc::Health) => HEALTH_TIMEOUT,
            Ok(Rpc::Reflection) => REFLECTION_TIMEOUT,
            Err(rejection) => {
                self.shared.rejections.count(rejection, self.peer);
                let answer = rejection.response(&parts).map(|text| DoorBody(Inner::Rejected(text.into())));
                return Box::pin(std::future::ready(Ok(answer)));
            }
        };
        let others = self.shared.others.clone();
        let request = Request::from_parts(parts, TimedBody::new(body, timeout));
        Box::pin(async move { Ok(others.oneshot(request).await?.map(|body| DoorBody(Inner::Other(body)))) })
    }
}

impl<V: Verify + 'static> EnvoyConnection<V> {
    fn check(
        &self,
        parts: Parts,
        body: Incoming,
    ) -> <Self as hyper::service::Service<Request<Incoming>>>::Future {
        let check = check(Arc::clone(&self.shared), parts, body, self.budget.charge());
        let check = AssertUnwindSafe(check).catch_unwind();
        Box::pin(async move {
            pending_once().await;
            // A handler that panics answers with an error, never with a default response.
            let answer = check.await.unwrap_or_else(|_| grpc::failure(Code::Internal, "internal error"));
            Ok(answer.map(|body| DoorBody(Inner::Check(body))))
        })
    }
}

async fn check<V: Verify>(
    shared: Arc<Shared<V>>,
    parts: Parts,
    mut body: Incoming,
    mut charge: Charge,
) -> Response<UnaryBody> {
    let door = &shared.door;
    let deadline = grpc::deadline(&parts.headers);
    let limit = door.settings.max_message_bytes.get();
    // A stranger may bring about `TooLarge`, `OverBudget` and `Late`, so they are decisions: a gRPC error is one that a
    // proxy may open for.
    match grpc::read_in_time(&mut body, limit, deadline, &mut charge).await {
        Ok(message) => match door.check(message, deadline).await {
            Ok(frame) => grpc::message(frame),
            Err(error) => {
                tracing::warn!(%error, "refused a call of Check");
                grpc::failure(Code::InvalidArgument, "not a CheckRequest")
            }
        },
        Err(ReadError::TooLarge) => grpc::message(door.denied(Deny::TooLarge)),
        Err(ReadError::OverBudget) => grpc::message(door.undecided(Undecided::Overloaded)),
        Err(ReadError::Late) => grpc::message(door.undecided(Undecided::Deadline)),
        Err(ReadError::Compressed) => grpc::failure(Code::Unimplemented, "compression is not supported"),
        Err(ReadError::Broken) => grpc::failure(Code::InvalidArgument, "not one whole message"),
    }
}

/// Is pending the first time. hyper then looks whether the caller has reset the stream, and drops the request if so: a
/// request that comes together with its reset is neither decoded nor reviewed.
async fn pending_once() {
    let mut is_first = true;
    poll_fn(|context| {
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
    /// To a request that is no gRPC call.
    Rejected(Full<Bytes>),
}

impl Body for DoorBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.get_mut().0 {
            Inner::Check(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Inner::Other(body) => Pin::new(body).poll_frame(context),
            Inner::Rejected(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Check(body) => body.is_end_stream(),
            Inner::Other(body) => body.is_end_stream(),
            Inner::Rejected(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Check(body) => body.size_hint(),
            Inner::Other(body) => body.size_hint(),
            Inner::Rejected(body) => body.size_hint(),
        }
    }
}
