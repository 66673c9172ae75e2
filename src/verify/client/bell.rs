//! Wakers for futures that are polled together and wake each other: what happens while they are being polled is dealt
//! with there, and the task they run in is not woken for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// The task that polls.
#[derive(Default)]
pub(super) struct Sleeper {
    is_awake: AtomicBool,
    waker: AtomicWaker,
}

impl Sleeper {
    /// It polls now, and will want to be woken by this.
    pub(super) fn wakes(&self, waker: &Waker) {
        self.is_awake.store(true, Ordering::SeqCst);
        self.waker.register(waker);
    }

    /// It has polled everything that had rung, and sleeps unless one has rung since.
    pub(super) fn sleeps(&self, bells: [&Bell; 2]) -> bool {
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
pub(super) struct Bell {
    rung: AtomicBool,
    sleeper: Arc<Sleeper>,
}

impl Bell {
    /// A bell that has rung: a future is polled once before it can wake anybody.
    pub(super) fn new(sleeper: &Arc<Sleeper>) -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(true), sleeper: Arc::clone(sleeper) })
    }

    /// Rings without waking.
    pub(super) fn set(&self) {
        self.rung.store(true, Ordering::SeqCst);
    }

    /// Whether it has rung since this was asked.
    pub(super) fn take(&self) -> bool {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::{Bell, Sleeper};

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
        assert!(!sleeper.sleeps([&one, &other]), "one has rung");
        assert_eq!(woken(), 0, "who is awake is not woken");
        assert!(one.take() && sleeper.sleeps([&one, &other]));

        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        assert!(one.take() && !other.take());
    }
}
