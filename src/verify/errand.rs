//! Work for many that runs where the first of them waits for it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Work that goes on in a task of its own when the one who does it goes away. Until then nobody has to be woken for it.
pub(super) struct Errand {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    counted: TaskTrackerToken,
    ends: Instant,
}

impl Errand {
    /// Work that these tasks wait for. It ends by itself within so much time.
    pub(super) fn new(
        tasks: &TaskTracker,
        within: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let now = Instant::now();
        let ends = now.checked_add(within).unwrap_or(now);
        Self { work: Some(Box::pin(work)), counted: tasks.token(), ends }
    }

    /// Nothing to do.
    pub(super) fn none(tasks: &TaskTracker) -> Self {
        Self { work: None, counted: tasks.token(), ends: Instant::now() }
    }

    /// When it has ended by itself.
    pub(super) const fn ends(&self) -> Instant {
        self.ends
    }
}

impl Future for Errand {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = self.work.take() else { return Poll::Ready(()) };
        // A panic ends the work alone, as it would in a task; it is not touched again.
        let polled =
            catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))).unwrap_or(Poll::Ready(()));
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        // Without a runtime everything ends.
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            self.counted.task_tracker().spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;
    use tokio_util::task::TaskTracker;

    use super::Errand;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_is_given_up_half_way_is_finished_and_waited_for() {
        let tasks = TaskTracker::new();
        let (answer, asked) = oneshot::channel();
        let (told, outcome) = oneshot::channel();
        let mut errand = Errand::new(&tasks, HOUR, async move {
            let _told = told.send(asked.await);
        });
        assert!((&mut errand).now_or_never().is_none());
        tasks.close();
        assert!(tasks.wait().now_or_never().is_none(), "it is under way");
        drop(errand);
        answer.send(7).unwrap();
        tasks.wait().await;
        assert_eq!(outcome.await.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn what_is_done_is_done_once() {
        let tasks = TaskTracker::new();
        let mut count = 0;
        let (told, mut outcome) = tokio::sync::mpsc::unbounded_channel();
        Errand::new(&tasks, HOUR, async move {
            count += 1;
            poll_fn(|_| Poll::Ready(())).await;
            told.send(count).unwrap();
        })
        .await;
        tasks.close();
        tasks.wait().await;
        assert_eq!((outcome.recv().await, outcome.recv().await), (Some(1), None));
    }
}
