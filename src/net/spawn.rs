//! Where HTTP/2 requests run.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio_util::task::TaskTracker;

use super::answer::GivenUp;

/// Runs each request where its connection runs, as far as it goes without waiting; one that has to wait becomes a
/// task that the listener knows of.
///
/// A request that needs no wait is most of them, and costs neither a task nor the way to another thread.
#[derive(Debug, Clone)]
pub(super) struct Tracked(pub(super) TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, request: F) {
        let mut request = GivenUp::new(request);
        // A panic ends its own request alone, as it would in a task. The request is not touched afterwards.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::from_waker(Waker::noop());
            // Twice, for a service may wait once so that hyper sees a reset first.
            (0..2).all(|_| Pin::new(&mut request).poll(&mut context).is_pending())
        }));
        // A task polls again with a waker of its own, so nothing that happens in between is missed.
        if let Ok(true) = polled {
            self.0.spawn(request);
        }
    }
}
