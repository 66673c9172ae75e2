//! The addresses of one API server's name: looked up once for all who wait, and kept for their TTL.
//!
//! Each mount has a resolver of its own, so that a name without an answer delays nobody but its own mount. At most one
//! look-up of a name is in flight.

mod system;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

pub(super) use system::SystemLookup;

/// The bounds of how long addresses are kept, whatever the TTL.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// How long addresses that have outlived their TTL may be used while name servers give no answer (RFC 8767 section 4).
const STALE: Duration = Duration::from_secs(3600);
/// How long a new look-up is awaited where such addresses are at hand.
const BEFORE_STALE: Duration = Duration::from_millis(200);
/// How long a failed look-up stands for the next ones.
const NEGATIVE: Duration = Duration::from_secs(1);
/// For one look-up, the search list and all name servers included.
const LOOKUP: Duration = Duration::from_secs(5);
/// Addresses of a name that are used.
const MOST: usize = 16;

/// What a look-up has found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) ttl: Duration,
}

/// Why a name has no address.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ResolveError {
    /// The name servers deny that the name exists (NXDOMAIN), with every entry of the search list.
    #[error("there is no such name")]
    NoSuchName,
    #[error("the name has no address")]
    NoAddress,
    #[error("the name servers give no answer within {0:?}")]
    TimedOut(Duration),
    #[error("the name servers give no usable answer")]
    Failed(#[source] Box<NetError>),
    #[error("the look-up ended without an outcome")]
    Ended,
}

type Outcome = Result<Arc<[IpAddr]>, ResolveError>;

/// How a name is looked up.
pub(super) trait Lookup: Send + Sync {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Found, ResolveError>> + Send + 'a>>;
}

/// One name and its addresses.
pub(super) struct Resolver {
    name: Box<str>,
    lookup: Box<dyn Lookup>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    failed: Option<(ResolveError, Instant)>,
    in_flight: Option<watch::Receiver<Option<Outcome>>>,
}

struct Known {
    addresses: Arc<[IpAddr]>,
    fresh_until: Instant,
    stale_until: Instant,
}

impl Resolver {
    pub(super) fn new(name: &str, lookup: impl Lookup + 'static) -> Arc<Self> {
        Arc::new(Self { name: name.into(), lookup: Box::new(lookup), state: Mutex::default() })
    }

    /// The addresses, never empty. Waits for a look-up where none are known.
    pub(super) async fn addresses(self: &Arc<Self>) -> Outcome {
        let (mut in_flight, stale) = match self.look(Instant::now()) {
            Look::Known(outcome) => return outcome,
            Look::Wait { in_flight, stale } => (in_flight, stale),
        };
        let outcome = async {
            let outcome = in_flight.wait_for(Option::is_some).await.ok();
            outcome.and_then(|outcome| outcome.clone()).unwrap_or(Err(ResolveError::Ended))
        };
        match stale {
            None => outcome.await,
            Some(addresses) => timeout(BEFORE_STALE, outcome).await.unwrap_or(Ok(addresses)),
        }
    }

    /// What is known, or the look-up in flight, which this begins where there is none.
    fn look(self: &Arc<Self>, now: Instant) -> Look {
        let mut state = self.lock();
        if let Some(known) = state.known.as_ref().filter(|known| now < known.fresh_until) {
            return Look::Known(Ok(Arc::clone(&known.addresses)));
        }
        if let Some((error, _)) = state.failed.as_ref().filter(|(_, until)| now < *until) {
            return Look::Known(Err(error.clone()));
        }
        let stale = state.known.as_ref().filter(|known| now < known.stale_until);
        let stale = stale.map(|known| Arc::clone(&known.addresses));
        // One whose task is gone has no sender any more.
        let live = state.in_flight.as_ref().filter(|in_flight| in_flight.has_changed().is_ok()).cloned();
        let in_flight = live.unwrap_or_else(|| {
            let (sender, receiver) = watch::channel(None);
            state.in_flight = Some(receiver.clone());
            let resolver = Arc::clone(self);
            tokio::spawn(async move {
                let found = timeout(LOOKUP, resolver.lookup.lookup(&resolver.name)).await;
                let found = found.unwrap_or(Err(ResolveError::TimedOut(LOOKUP)));
                sender.send_replace(Some(resolver.learn(found, Instant::now())));
            });
            receiver
        });
        Look::Wait { in_flight, stale }
    }

    /// Keeps what a look-up has found. What no name server denies outlives a failure.
    fn learn(&self, found: Result<Found, ResolveError>, now: Instant) -> Outcome {
        let mut state = self.lock();
        state.in_flight = None;
        let error = match found {
            Ok(Found { mut addresses, ttl }) if !addresses.is_empty() => {
                addresses.truncate(MOST);
                let addresses: Arc<[IpAddr]> = addresses.into();
                let fresh_until = now + ttl.clamp(TTL.0, TTL.1);
                state.failed = None;
                state.known = Some(Known {
                    addresses: Arc::clone(&addresses),
                    fresh_until,
                    stale_until: fresh_until + STALE,
                });
                return Ok(addresses);
            }
            Ok(_) => ResolveError::NoAddress,
            Err(error) => error,
        };
        match &mut state.known {
            Some(known) if !error.is_denial() && now < known.stale_until => {
                known.fresh_until = now + TTL.0;
                Ok(Arc::clone(&known.addresses))
            }
            known => {
                *known = None;
                state.failed = Some((error.clone(), now + NEGATIVE));
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the addresses are come by.
enum Look {
    Known(Outcome),
    Wait { in_flight: watch::Receiver<Option<Outcome>>, stale: Option<Arc<[IpAddr]>> },
}

impl ResolveError {
    /// The name servers have answered, and there is no address.
    const fn is_denial(&self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoAddress)
    }
}
