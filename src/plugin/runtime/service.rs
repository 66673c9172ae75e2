//! Every call of the core, found by its path.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::Request;
use hyper::body::Incoming;
use rustls::ClientConfig;
use tonic::Status;

use super::backend;
use super::call::Answer;
use super::mounts::Mounts;
use super::process::Process;
use crate::plugin::seam::Backends;

/// What is served on every connection. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    process: Process,
    mounts: Arc<Mounts>,
}

impl Plugin {
    pub(super) fn new(process: Process, backends: Arc<dyn Backends>, tls: Arc<ClientConfig>) -> Self {
        Self { process, mounts: Arc::new(Mounts::new(backends, tls)) }
    }

    async fn answer(self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        match path.strip_prefix("/pb.Backend/") {
            Some(method) => backend::answer(&self.mounts, method, request).await,
            None => self.process.answer(&path, request, &self.mounts).await,
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Plugin {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // Not awaited by another one, which would be twice as large: it is some kilobytes.
        let answer = AssertUnwindSafe(self.clone().answer(request)).catch_unwind();
        Box::pin(
            answer
                .map(|answer| Ok(answer.unwrap_or_else(|_| Status::internal("internal error").into_http()))),
        )
    }
}
