//! What one connection does, seen from outside without a lock, and how it is ended from there.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::places::{Doing, Occupant, Standing};

/// A request that runs for so long, while none of its connection began or ended, no longer protects its connection.
/// It is the longest that a whole request may take at any door (the Vault door's).
const STALLED: Duration = Duration::from_secs(90);

/// How long a connection that was told to end, and runs no request, may take to close: a peer has two seconds to read
/// its last answer and to close.
const CLOSING: Duration = Duration::from_millis(2500);

/// The same for a connection that never sent a request, whose first one may be on its way.
const CLOSING_SILENT: Duration = Duration::from_secs(1);

/// The record of one connection. Times are milliseconds since the listener's start.
#[derive(Debug)]
pub(super) struct Activity {
    started: Instant,
    shakes_hands: AtomicBool,
    spoke: AtomicBool,
    running: AtomicU32,
    /// When the last of these changed.
    changed: AtomicU64,
    /// It takes no more requests, and ends when those that run have ended.
    pub(super) stop: CancellationToken,
    /// It ends at once.
    pub(super) cut: CancellationToken,
    /// When it was told to stop.
    told: AtomicU64,
}

/// No time.
const NEVER: u64 = u64::MAX;

impl Activity {
    /// Of a connection that begins now.
    pub(super) fn new(
        started: Instant,
        shakes_hands: bool,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            started,
            shakes_hands: AtomicBool::new(shakes_hands),
            spoke: AtomicBool::new(false),
            running: AtomicU32::new(0),
            changed: AtomicU64::new(millis(started.elapsed())),
            stop,
            cut,
            told: AtomicU64::new(NEVER),
        })
    }

    /// The TLS handshake is finished.
    pub(super) fn shook_hands(&self) {
        self.note();
        self.shakes_hands.store(false, Ordering::Relaxed);
    }

    /// A request runs until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        if self.running.fetch_add(1, Ordering::Relaxed) == 0 {
            self.note();
        }
        if !self.spoke.load(Ordering::Relaxed) {
            self.spoke.store(true, Ordering::Relaxed);
        }
        Running(Arc::clone(self))
    }

    /// Asks the connection to end when its running requests have ended; one that never sent a request ends at once.
    pub(super) fn dismiss(&self) {
        let now = millis(self.started.elapsed());
        let _first = self.told.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed);
        self.stop.cancel();
        if !self.spoke.load(Ordering::Relaxed) {
            self.cut.cancel();
        }
    }

    /// Ends the connection at once.
    pub(super) fn end(&self) {
        self.stop.cancel();
        self.cut.cancel();
    }

    /// Whether it was told to end, itself or (`all`) with all others, and had the time to do so. Running requests
    /// are waited for at most `patience` where one was told by itself.
    pub(super) fn is_overdue(&self, now: Duration, all: Option<Duration>, patience: Duration) -> bool {
        let own = Some(self.told.load(Ordering::Relaxed)).filter(|told| *told != NEVER);
        let own = own.map(Duration::from_millis);
        let Some(told) = own.into_iter().chain(all).min() else { return false };
        if self.running.load(Ordering::Relaxed) > 0 {
            return own.is_some_and(|own| now >= own + patience);
        }
        if !self.spoke.load(Ordering::Relaxed) {
            return now >= told + CLOSING_SILENT;
        }
        now >= told.max(self.changed()) + CLOSING
    }

    /// Whether it was told to end by itself.
    pub(super) fn is_dismissed(&self) -> bool {
        self.told.load(Ordering::Relaxed) != NEVER
    }

    fn changed(&self) -> Duration {
        Duration::from_millis(self.changed.load(Ordering::Relaxed))
    }

    fn note(&self) {
        self.changed.store(millis(self.started.elapsed()), Ordering::Relaxed);
    }
}

impl Occupant for Arc<Activity> {
    fn standing(&self, now: Duration) -> Standing {
        let since = self.changed();
        let doing = if self.shakes_hands.load(Ordering::Relaxed) {
            Doing::Handshake
        } else if self.running.load(Ordering::Relaxed) > 0 {
            if now >= since + STALLED { Doing::Stalled } else { Doing::Running }
        } else if self.spoke.load(Ordering::Relaxed) {
            Doing::Idle
        } else {
            Doing::Silent
        };
        Standing { doing, since }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER - 1)
}

/// A request that runs.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.note();
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The service, with its requests noted in the record: from the head to the last byte of the answer's body.
pub(super) fn noted<S, B>(
    service: S,
    activity: Arc<Activity>,
) -> impl Service<Request<Incoming>, Response = Response<Noted<B>>, Error = Infallible, Future: Send + 'static>
+ Send
+ 'static
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Send
        + 'static,
    B: Body + Send + Unpin + 'static,
{
    service_fn(move |request| {
        let running = activity.begin();
        let answer = service.call(request);
        async move { answer.await.map(|answer| answer.map(|body| Noted { body, _running: running })) }
    })
}

/// The body of an answer, whose request runs until it is gone.
#[derive(Debug)]
pub(super) struct Noted<B> {
    body: B,
    _running: Running,
}

impl<B: Body + Unpin> Body for Noted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
