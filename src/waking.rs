//! Futures that wake each other, or themselves, while they are being polled: that is dealt with there and then, and the
//! task they run in is not scheduled once more for it, which would wake another thread, too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often a future is polled before others have their turn.
const ROUNDS: usize = 16;

/// The task that polls.
#[derive(Debug, Default)]
pub struct Sleeper {
    is_awake: AtomicBool,
    waker: AtomicWaker,
}

impl Sleeper {
    /// It polls now, and will want to be woken by this.
    pub fn wakes(&self, waker: &Waker) {
        self.is_awake.store(true, Ordering::SeqCst);
        self.waker.register(waker);
    }

    /// It has polled everything that had rung, and sleeps unless one has rung since.
    pub fn sleeps(&self, bells: &[&Bell]) -> bool {
        self.is_awake.store(false, Ordering::SeqCst);
        // Whoever rings after this finds it asleep.
        let is_quiet = !bells.iter().any(|bell| bell.rung.load(Ordering::SeqCst));
        if !is_quiet {
            self.is_awake.store(true, Ordering::SeqCst);
        }
        is_quiet
    }
}

/// What wakes one of the futures.
#[derive(Debug)]
pub struct Bell {
    rung: AtomicBool,
    sleeper: Arc<Sleeper>,
}

impl Bell {
    /// A bell that has rung: a future is polled once before it can wake anybody.
    pub fn new(sleeper: &Arc<Sleeper>) -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(true), sleeper: Arc::clone(sleeper) })
    }

    /// Rings without waking.
    pub fn set(&self) {
        self.rung.store(true, Ordering::SeqCst);
    }

    /// Whether it has rung since this was asked.
    pub fn take(&self) -> bool {
        self.rung.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
        if !self.sleeper.is_awake.load(Ordering::SeqCst) {
            self.sleeper.waker.wake();
        }
    }
}

/// Polls a future again at once when it has woken itself.
#[derive(Debug)]
pub struct AtOnce {
    sleeper: Arc<Sleeper>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Default for AtOnce {
    fn default() -> Self {
        let sleeper = Arc::new(Sleeper::default());
        let bell = Bell::new(&sleeper);
        Self { waker: Waker::from(Arc::clone(&bell)), sleeper, bell }
    }
}

impl AtOnce {
    /// Polls the future, the same one every time.
    pub fn poll<F: Future>(&self, mut future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.sleeper.wakes(context.waker());
        let mut own = Context::from_waker(&self.waker);
        for _ in 0..ROUNDS {
            self.bell.take();
            if let Poll::Ready(output) = future.as_mut().poll(&mut own) {
                return Poll::Ready(output);
            }
            if self.sleeper.sleeps(&[&self.bell]) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::{AtOnce, Bell, ROUNDS, Sleeper};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn only_a_sleeper_is_woken_and_none_sleeps_that_has_been_rung_for() {
        let (count, sleeper) = (Arc::new(Count::default()), Arc::new(Sleeper::default()));
        let woken = || count.0.load(Ordering::SeqCst);
        let (one, other) = (Bell::new(&sleeper), Bell::new(&sleeper));
        assert!(one.take() && other.take() && !one.take());

        sleeper.wakes(&Waker::from(Arc::clone(&count)));
        let waker = Waker::from(Arc::clone(&one));
        waker.wake_by_ref();
        assert!(!sleeper.sleeps(&[&one, &other]), "one has rung");
        assert_eq!(woken(), 0, "who is awake is not woken");
        assert!(one.take() && sleeper.sleeps(&[&one, &other]));

        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        assert!(one.take() && !other.take());
    }

    /// Polls one that wakes itself this often: how often it was polled, whether it has ended, how often the task was woken.
    fn restless(wakes: usize) -> (usize, bool, usize) {
        let (mut polls, count) = (0, Arc::new(Count::default()));
        let poll = {
            let mut future = pin!(poll_fn(|context| {
                polls += 1;
                if polls <= wakes {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            let waker = Waker::from(Arc::clone(&count));
            AtOnce::default().poll(future.as_mut(), &mut Context::from_waker(&waker))
        };
        (polls, poll.is_ready(), count.0.load(Ordering::SeqCst))
    }

    #[test]
    fn who_wakes_himself_is_polled_at_once_but_not_for_ever() {
        assert_eq!(restless(0), (1, true, 0));
        assert_eq!(restless(3), (4, true, 0));
        assert_eq!(restless(ROUNDS), (ROUNDS, false, 1), "others have their turn, and then it goes on");
    }

    #[test]
    fn who_is_woken_by_another_is_scheduled() {
        let (count, at_once) = (Arc::new(Count::default()), AtOnce::default());
        let (mut kept, waker) = (None, Waker::from(Arc::clone(&count)));
        let mut future = pin!(poll_fn(|context| {
            kept = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        assert!(at_once.poll(future.as_mut(), &mut Context::from_waker(&waker)).is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        kept.unwrap().wake();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
