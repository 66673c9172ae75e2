//! A door that is served on a free port, over a scripted handler.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rolegate::config::VaultDoor as Settings;
use rolegate::doors::vault::{Limits as Bounds, VaultDoor, VaultService};
use rolegate::health::Health;
use rolegate::lifecycle::Readiness;
use rolegate::metrics::Metrics;
use rolegate::net::{Bound, Limits, Listen, Protocol};
use rolegate::ports::{Clock, NoRandom, Random};
use rolegate::vault::Handle;
use rolegate::vault::outcome::{Answer as Done, Outcome};
use rolegate::vault::request::Request;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::wire::{Answer, Wire};

/// Waits for what must happen.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("waited for too long")
}

/// What the handler does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers with what it was asked, as `data`.
    Echoes,
    Answers(Outcome),
    PanicsAtOnce,
    PanicsLater,
    Hangs,
}

#[derive(Debug)]
pub(crate) struct Scripted {
    does: Mutex<Does>,
    /// A permit for each request that hangs, and for each that was let go.
    pub(crate) hangs: Semaphore,
    pub(crate) gone: Arc<Semaphore>,
}

impl Handle for Scripted {
    fn handle(&self, request: Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        let does = self.does.lock().unwrap().clone();
        match does {
            Does::Echoes => Box::pin(async move { echo(&request).into() }),
            Does::Answers(outcome) => Box::pin(async move { outcome }),
            Does::PanicsAtOnce => panic!("on purpose, at once"),
            Does::PanicsLater => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("on purpose, later")
            }),
            Does::Hangs => {
                let gone = Gone(Arc::clone(&self.gone));
                Box::pin(async move {
                    let _gone = gone;
                    self.hangs.add_permits(1);
                    std::future::pending().await
                })
            }
        }
    }
}

/// Tells when a request is let go.
struct Gone(Arc<Semaphore>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn echo(request: &Request) -> Done {
    let left = request.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).as_secs());
    let seen = json!({
        "operation": format!("{:?}", request.operation),
        "path": request.path,
        "data": request.data,
        "token": request.token.as_ref().map(|token| token.expose().to_owned()),
        "peer": request.peer.map(|peer| peer.to_string()),
        "wrap_ttl": request.wrap_ttl.map(|ttl| ttl.as_secs()),
        "deadline_is_near_90_s": left.is_some_and(|left| (60..=90).contains(&left)),
        "id": request.id,
    });
    let Value::Object(data) = seen else { panic!("no object") };
    Done { data: Some(data), ..Done::default() }
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn unix_now(&self) -> i64 {
        1_700_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Debug)]
struct Sevens;

impl Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        bytes.fill(7);
        Ok(())
    }
}

/// The id of each request, where every random byte is a seven.
pub(crate) const ID: &str = "07070707-0707-4707-8707-070707070707";

/// A door that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    pub(crate) handler: Arc<Scripted>,
    _stop: DropGuard,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with("{}", Bounds::default())
    }

    pub(crate) fn that(does: Does) -> Self {
        let served = Self::new();
        served.does(does);
        served
    }

    /// With these settings, in YAML below `vault`, and these bounds.
    pub(crate) fn with(settings: &str, bounds: Bounds) -> Self {
        let (metrics, readiness) = (Metrics::default(), Readiness::default());
        let handler = Arc::new(Scripted {
            does: Mutex::new(Does::Echoes),
            hangs: Semaphore::new(0),
            gone: Arc::new(Semaphore::new(0)),
        });
        let door = door(handler.clone(), settings, readiness.clone(), metrics.clone());
        let door = Arc::new(door.with_limits(bounds));
        let listen = Listen {
            name: "vault",
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            protocol: Protocol::Http1AndHttp2,
            limits: Limits::default(),
        };
        let bound = Bound::bind(listen, &Health::default()).expect("a free port");
        let addr = bound.local_addr();
        let stop = CancellationToken::new();
        let serving = stop.clone();
        tokio::spawn(async move {
            bound.serve(move |peer| VaultService::new(door.clone(), peer), serving, Duration::ZERO).await
        });
        Self { addr, metrics, readiness, handler, _stop: stop.drop_guard() }
    }

    pub(crate) fn does(&self, does: Does) {
        *self.handler.does.lock().unwrap() = does;
    }

    /// One request on a connection of its own; `head` is all lines but the first one and `Host`.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        head: &[&str],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let mut wire = Wire::open(self.addr).await;
        wire.send(request(method, path, head, body)).await;
        if method == "HEAD" { wire.answer_to_head().await } else { wire.answer().await }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", "/v1/x", &[], body).await
    }
}

/// A door of its own.
pub(crate) fn door(
    handler: Arc<dyn Handle>,
    settings: &str,
    readiness: Readiness,
    metrics: Metrics,
) -> VaultDoor {
    let settings: Settings = serde_saphyr::from_str(settings).expect("settings");
    let (clock, random) = (Arc::new(Still), Arc::new(Sevens));
    VaultDoor::new(handler, &settings, readiness, metrics, clock, random, Arc::new("c-1".to_owned().into()))
}

/// The bytes of a request; a body comes with its length.
pub(crate) fn request(method: &str, path: &str, head: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: vault.test\r\n");
    for line in head {
        text.push_str(line);
        text.push_str("\r\n");
    }
    let body = body.as_ref();
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// What the echoing handler was asked.
pub(crate) fn asked(answer: &Answer) -> Map<String, Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut body = answer.json();
    let Value::Object(data) = body["data"].take() else { panic!("{answer:?}") };
    data
}

pub(crate) const NO_WORD: &str = "{\"errors\":[]}\n";

/// The body of an error.
pub(crate) fn error(text: &str) -> String {
    format!("{}\n", json!({ "errors": [text] }))
}
