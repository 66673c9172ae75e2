//! The tasks that the process is made of: named, watched, and ended in order.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long the parts behind the doors may take to end.
const BEHIND: Duration = Duration::from_secs(5);

/// Doors, and what stands behind them, which ends after them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    doors: Rank,
    behind: Rank,
}

/// Parts that end together.
#[derive(Debug, Default)]
struct Rank {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Parts {
    /// Runs a door, which ends by its own grace period once its token is cancelled.
    pub(super) fn door<F>(&mut self, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.doors.spawn(name, part);
    }

    /// Runs what the doors stand on, or what tells of them.
    pub(super) fn behind<F>(&mut self, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.behind.spawn(name, part);
    }

    /// Cancelled when the doors begin to close.
    pub(super) fn doors_close(&self) -> CancellationToken {
        self.doors.stop.clone()
    }

    /// Waits until a part ends, which none should before [`Parts::drain`], and logs which.
    pub(super) async fn ended(&mut self) {
        let Ended { part, panicked } = tokio::select! {
            Some(ended) = self.doors.ended() => ended,
            Some(ended) = self.behind.ended() => ended,
            else => std::future::pending().await,
        };
        tracing::error!(part, panicked, "a part ended by itself");
    }

    /// Lets proxies see that the process is not ready, closes the doors, and then ends the rest.
    /// True if nothing went wrong on the way.
    pub(super) async fn drain(&mut self, lame_duck: Duration) -> bool {
        let mut all_ran = true;
        let waited = tokio::time::timeout(lame_duck, async {
            loop {
                self.ended().await;
                all_ran = false;
            }
        });
        let _over = waited.await;
        self.doors.stop.cancel();
        let doors = self.doors.finish().await;
        self.behind.stop.cancel();
        let Ok(behind) = tokio::time::timeout(BEHIND, self.behind.finish()).await else {
            let left: Vec<_> = self.behind.names.values().collect();
            tracing::error!(parts = ?left, "parts do not end, they are cut");
            return false;
        };
        all_ran && doors && behind
    }
}

/// The end of a part.
struct Ended {
    part: &'static str,
    panicked: bool,
}

impl Rank {
    fn spawn<F>(&mut self, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = self.tasks.spawn(part(self.stop.clone()));
        self.names.insert(task.id(), name);
    }

    /// The next part that ends; none where there is none.
    async fn ended(&mut self) -> Option<Ended> {
        let (id, panicked) = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => (id, false),
            Err(error) => (error.id(), true),
        };
        Some(Ended { part: self.names.remove(&id).unwrap_or("unnamed"), panicked })
    }

    /// Waits for all parts, which have been told to end. True if none panicked.
    async fn finish(&mut self) -> bool {
        let mut well = true;
        while let Some(Ended { part, panicked }) = self.ended().await {
            if panicked {
                tracing::error!(part, "a part panicked while it ended");
                well = false;
            }
        }
        well
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::{Instant, sleep};
    use tokio_util::sync::CancellationToken;

    use super::{BEHIND, Parts};

    const LAME_DUCK: Duration = Duration::from_secs(5);

    /// What happened, and at which second of the (paused) clock.
    #[derive(Clone)]
    struct Diary(Arc<Mutex<Vec<(&'static str, u64)>>>, Instant);

    impl Diary {
        fn new() -> Self {
            Self(Arc::default(), Instant::now())
        }

        fn note(&self, what: &'static str) {
            self.0.lock().unwrap().push((what, self.1.elapsed().as_secs()));
        }

        fn read(&self) -> Vec<(&'static str, u64)> {
            self.0.lock().unwrap().clone()
        }

        /// A part that takes a while to end when it is told to.
        fn part(&self, name: &'static str, takes: u64) -> impl FnOnce(CancellationToken) -> PartRun {
            let diary = self.clone();
            move |stop| {
                Box::pin(async move {
                    stop.cancelled().await;
                    sleep(Duration::from_secs(takes)).await;
                    diary.note(name);
                })
            }
        }
    }

    type PartRun = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    #[tokio::test(start_paused = true)]
    async fn doors_end_after_the_lame_duck_and_the_rest_after_the_doors() {
        let (mut parts, diary) = (Parts::default(), Diary::new());
        parts.behind("store", diary.part("store", 0));
        parts.door("envoy door", diary.part("envoy door", 3));
        parts.door("vault door", diary.part("vault door", 7));
        assert!(parts.drain(LAME_DUCK).await);
        assert_eq!(diary.read(), [("envoy door", 8), ("vault door", 12), ("store", 12)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_door_the_rest_still_ends() {
        let (mut parts, diary) = (Parts::default(), Diary::new());
        parts.behind("operations door", diary.part("operations door", 1));
        assert!(parts.drain(LAME_DUCK).await);
        assert_eq!(diary.read(), [("operations door", 6)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_ends_or_panics_by_itself_is_noticed_and_the_others_still_drain() {
        for panics in [false, true] {
            for is_door in [false, true] {
                let (mut parts, diary) = (Parts::default(), Diary::new());
                parts.door("envoy door", diary.part("envoy door", 1));
                parts.behind("store", diary.part("store", 1));
                let short = move |_| async move { assert!(!panics, "on purpose") };
                if is_door {
                    parts.door("short", short);
                } else {
                    parts.behind("short", short);
                }
                parts.ended().await;
                parts.drain(LAME_DUCK).await;
                assert_eq!(diary.read(), [("envoy door", 6), ("store", 7)]);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_has_ended_while_all_parts_run() {
        let (mut parts, diary) = (Parts::default(), Diary::new());
        parts.door("envoy door", diary.part("envoy door", 0));
        tokio::time::timeout(Duration::from_secs(3600), parts.ended()).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_wrong_during_the_drain_is_told() {
        let diary = Diary::new();
        let mut parts = Parts::default();
        parts.behind("store", |_| sleep(Duration::from_secs(1)));
        assert!(!parts.drain(LAME_DUCK).await, "ended by itself during the lame duck");

        let mut parts = Parts::default();
        parts.door("envoy door", |stop| async move {
            stop.cancelled().await;
            panic!("on purpose");
        });
        parts.behind("store", diary.part("store", 0));
        assert!(!parts.drain(LAME_DUCK).await, "panicked while it ended");

        let mut parts = Parts::default();
        parts.behind("store", diary.part("store", BEHIND.as_secs() * 10));
        assert!(!parts.drain(LAME_DUCK).await, "did not end");
    }
}
