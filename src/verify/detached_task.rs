//! Work for many that runs where the first of them waits for it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::demand::Demand;

/// Work that goes on in a task of its own when the one who does it goes away, if it is still wanted. Until then nobody has to
/// be woken for it.
pub(super) struct DetachedTask {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    demand: Arc<Demand>,
    counted: TaskTrackerToken,
}

impl DetachedTask {
    /// Work that these tasks wait for. It has to end by itself.
    pub(super) fn new(
        tasks: &TaskTracker,
        demand: &Arc<Demand>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { work: Some(Box::pin(work)), demand: Arc::clone(demand), counted: tasks.token() }
    }

    /// Nothing to do.
    pub(super) fn none(tasks: &TaskTracker, demand: &Arc<Demand>) -> Self {
        Self { work: None, demand: Arc::clone(demand), counted: tasks.token() }
    }
}

impl Future for DetachedTask {
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

impl Drop for DetachedTask {
    fn drop(&mut self) {
        // Without a runtime everything ends.
        if let Some(work) = self.work.take()
            && self.demand.is_wanted()
            && let Ok(runtime) = Handle::try_current()
        {
            self.counted.task_tracker().spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;
    use tokio_util::task::TaskTracker;

    use super::super::admission::Flows;
    use super::super::demand::{Demand, Want};
    use super::DetachedTask;
    use crate::ports::{Caller, Door, Origin};

    fn demand() -> Arc<Demand> {
        let origin = Origin { door: Door::Envoy, client: None, connection: None };
        let flow = Flows::default().unproven(&origin);
        Demand::new(&Want::new(&Caller::begin(origin, None), flow, Duration::from_secs(3600)))
    }

    #[tokio::test]
    async fn what_was_sent_is_finished_and_waited_for_when_it_is_given_up_half_way() {
        let (tasks, demand) = (TaskTracker::new(), demand());
        demand.sent(Duration::ZERO);
        let (answer, asked) = oneshot::channel();
        let (told, outcome) = oneshot::channel();
        let mut task = DetachedTask::new(&tasks, &demand, async move {
            let _told = told.send(asked.await);
        });
        assert!((&mut task).now_or_never().is_none());
        tasks.close();
        assert!(tasks.wait().now_or_never().is_none(), "it is under way");
        demand.leave();
        drop(task);
        answer.send(7).unwrap();
        tasks.wait().await;
        assert_eq!(outcome.await.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn what_was_not_sent_and_nobody_waits_for_ends() {
        let (tasks, demand) = (TaskTracker::new(), demand());
        let (told, outcome) = oneshot::channel::<()>();
        let mut task = DetachedTask::new(&tasks, &demand, async move {
            let _told = told;
            std::future::pending().await
        });
        assert!((&mut task).now_or_never().is_none());
        demand.leave();
        drop(task);
        outcome.await.unwrap_err();
    }

    #[tokio::test]
    async fn what_is_done_is_done_once() {
        let (tasks, demand) = (TaskTracker::new(), demand());
        let mut count = 0;
        let (told, mut outcome) = tokio::sync::mpsc::unbounded_channel();
        DetachedTask::new(&tasks, &demand, async move {
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
