//! Where HTTP/2 requests run.

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Runs each request as a task that the listener knows of.
#[derive(Debug, Clone)]
pub(super) struct Tracked(pub(super) TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, request: F) {
        self.0.spawn(request);
    }
}
