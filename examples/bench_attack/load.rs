//! Honest callers at a fixed rate, and what they see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress, address, socket_address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;

/// How long a proxy waits for a Check.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// Checks a second of tokens that are remembered, and of tokens that are new.
const CACHED: u64 = 200;
const UNCACHED: u64 = 20;

/// What came of a Check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Allowed,
    Denied,
    /// `error_response`, or an error of gRPC: what `failure_mode_allow` lets through.
    Opens,
}

/// Where new tokens of honest accounts come from: each call gives another.
pub(crate) type Mint = Arc<dyn Fn() -> String + Send + Sync>;

pub(crate) fn check_request(token: &str, role: &str, client: &str, port: u32) -> CheckRequest {
    let texts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let source = Peer {
        address: Some(Address {
            address: Some(address::Address::SocketAddress(SocketAddress {
                address: client.to_owned(),
                port_specifier: Some(socket_address::PortSpecifier::PortValue(port)),
                ..SocketAddress::default()
            })),
        }),
        ..Peer::default()
    };
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: "/orders".to_owned(),
        host: "shop.example.com".to_owned(),
        headers: texts(&[("authorization", &format!("Bearer {token}"))]),
        ..HttpRequest::default()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(source),
            request: Some(Request { http: Some(http), ..Request::default() }),
            context_extensions: texts(&[("mount", "kubernetes"), ("role", role)]),
            ..AttributeContext::default()
        }),
    }
}

pub(crate) fn read(response: &CheckResponse) -> Answer {
    match (response.status.as_ref().map_or(0, |status| status.code), &response.http_response) {
        (0, _) => Answer::Allowed,
        (_, Some(HttpResponse::ErrorResponse(_)) | None) => Answer::Opens,
        _ => Answer::Denied,
    }
}

/// One Check, as Envoy makes it.
pub(crate) async fn check(channel: &Channel, request: CheckRequest) -> Answer {
    let mut request = tonic::Request::new(request);
    request.set_timeout(PATIENCE);
    let mut client = AuthorizationClient::new(channel.clone());
    match timeout(PATIENCE, client.check(request)).await {
        Ok(Ok(response)) => read(response.get_ref()),
        // An error of Envoy's own call: its `failure_mode_allow` decides.
        Ok(Err(_)) | Err(_) => Answer::Opens,
    }
}

/// What one kind of callers saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    times: Vec<Duration>,
    refused: u64,
    opened: u64,
}

impl Seen {
    pub(crate) fn total(&self) -> usize {
        self.times.len() + self.refused as usize + self.opened as usize
    }

    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    /// The time within which so many of those who were allowed had their answer.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }

    /// The part of all that was allowed within that time, in percent.
    pub(crate) fn within(&self, limit: Duration) -> f64 {
        let good = self.times.iter().filter(|time| **time <= limit).count();
        good as f64 / self.total().max(1) as f64 * 100.0
    }

    fn add(&mut self, answer: Answer, took: Duration) {
        match answer {
            Answer::Allowed => self.times.push(took),
            Answer::Denied => self.refused += 1,
            Answer::Opens => self.opened += 1,
        }
    }
}

/// The honest callers' load.
pub(crate) struct Honest {
    channel: Channel,
    mint: Mint,
    remembered: String,
    port: AtomicU64,
}

impl Honest {
    pub(crate) async fn new(channel: Channel, mint: Mint) -> Arc<Self> {
        let honest = Self { remembered: mint(), channel, mint, port: AtomicU64::new(0) };
        let first = check(&honest.channel, honest.request(&honest.remembered)).await;
        assert_eq!(first, Answer::Allowed, "the first honest caller is admitted");
        Arc::new(honest)
    }

    fn request(&self, token: &str) -> CheckRequest {
        // One client in front of many connections, as a mesh's gateway is.
        let port = 10_000 + (self.port.fetch_add(1, Ordering::Relaxed) % 64) as u32;
        check_request(token, "orders", "10.0.0.7", port)
    }

    /// Runs for so long: what callers with a remembered review saw, and those without.
    pub(crate) async fn run(self: &Arc<Self>, length: Duration) -> (Seen, Seen) {
        tokio::join!(self.calls(CACHED, false, length), self.calls(UNCACHED, true, length))
    }

    async fn calls(self: &Arc<Self>, rate: u64, is_new: bool, length: Duration) -> Seen {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (mut calls, mut ticks) = (JoinSet::new(), interval(Duration::from_secs(1) / rate as u32));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + length;
        while Instant::now() < end {
            ticks.tick().await;
            let (honest, seen) = (Arc::clone(self), Arc::clone(&seen));
            calls.spawn(async move {
                let token = if is_new { (honest.mint)() } else { honest.remembered.clone() };
                let (request, began) = (honest.request(&token), Instant::now());
                let answer = check(&honest.channel, request).await;
                seen.lock().unwrap().add(answer, began.elapsed());
            });
        }
        calls.join_all().await;
        Arc::into_inner(seen).unwrap().into_inner().unwrap()
    }

    /// How long after now the last new caller was refused, or waited longer than `usual`; looks for three seconds.
    pub(crate) async fn settles(self: &Arc<Self>, usual: Duration) -> Duration {
        let (began, mut last) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < Duration::from_secs(3) {
            let sent = Instant::now();
            let answer = check(&self.channel, self.request(&(self.mint)())).await;
            if answer != Answer::Allowed || sent.elapsed() > usual {
                last = began.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        last
    }
}
