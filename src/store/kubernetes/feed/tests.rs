//! The feed against an API server that has forgotten a version, or lets nobody watch; and what it waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{SetOnce, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Feed, Seen, Tells};
use crate::catalog::Snapshots;
use crate::health::Health;
use crate::lifecycle::Readiness;
use crate::metrics::Metrics;

/// How the API server says that the version is gone.
#[derive(Debug, Clone, Copy)]
enum Gone {
    /// By an event of the watch.
    Event,
    /// By the answer to the request for a watch.
    Answer,
}

/// Lists one policy, then, once a watch was told that its version is gone, another beside it.
async fn answer(
    request: Request<Body>,
    gone: Gone,
    told: Arc<AtomicUsize>,
) -> Result<Response<Body>, std::io::Error> {
    let uri = request.uri();
    let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
    let is_policies = uri.path().ends_with("/gatepolicies");
    if !is_watch {
        let items = if is_policies { policies(told.load(Ordering::SeqCst) + 1) } else { Vec::new() };
        return Ok(json_answer(
            StatusCode::OK,
            &json!({ "metadata": { "resourceVersion": "1" }, "items": items }),
        ));
    }
    if !is_policies || told.swap(1, Ordering::SeqCst) == 1 {
        return std::future::pending().await;
    }
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                         "message": "too old resource version: 1 (2)", "reason": "Expired", "code": 410 });
    Ok(match gone {
        Gone::Event => json_answer(StatusCode::OK, &json!({ "type": "ERROR", "object": status })),
        Gone::Answer => json_answer(StatusCode::GONE, &status),
    })
}

fn policies(count: usize) -> Vec<Value> {
    let policy = |name: &&str| {
        json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": "GatePolicy",
                "metadata": { "name": name, "uid": name, "resourceVersion": "1", "generation": 1 },
                "spec": { "rules": "path \"a\" { capabilities = [\"read\"] }" } })
    };
    ["first", "second"].iter().take(count).map(policy).collect()
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(Body::from(format!("{body}\n").into_bytes())).unwrap()
}

/// A feed that runs, and whatever it tells.
struct Running {
    snapshots: Snapshots,
    health: Health,
    metrics: Metrics,
    readiness: Readiness,
    seen: watch::Receiver<Arc<Seen>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// A feed of what this API server answers, which publishes once `after` is set.
    fn new<F>(after: &Arc<SetOnce<()>>, answer: impl Fn(Request<Body>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
    {
        let (snapshots, health, metrics) = (Snapshots::default(), Health::default(), Metrics::default());
        let readiness = Readiness::default();
        let tells = Tells {
            snapshots: snapshots.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            pending: readiness.pending("store"),
            after: Arc::clone(after),
        };
        let client = Client::new(tower::service_fn(answer), "default");
        let (feed, seen) = Feed::new(client, "rolegate", tells);
        let stop = CancellationToken::new();
        let task = tokio::spawn(feed.run(stop.clone()));
        Self { snapshots, health, metrics, readiness, seen, stop, task }
    }

    async fn has_seen(&mut self, policies: usize) {
        let all = self.seen.wait_for(|seen| seen.policies.len() == policies);
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("all are heard").unwrap();
    }

    /// Until nothing is wrong any more.
    async fn has_recovered(&self) {
        let recovered = async {
            while !self.health.troubles().is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), recovered).await.expect("it recovers");
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Where nothing has to be waited for.
fn at_once() -> Arc<SetOnce<()>> {
    Arc::new(SetOnce::new_with(Some(())))
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_leads_to_a_new_list_and_nothing_is_lost() {
    for gone in [Gone::Event, Gone::Answer] {
        let told = Arc::new(AtomicUsize::new(0));
        let mut feed = Running::new(&at_once(), move |request| answer(request, gone, Arc::clone(&told)));
        feed.has_seen(2).await;
        let policies = feed.snapshots.load().unwrap().policies.clone();
        assert_eq!(policies.keys().collect::<Vec<_>>(), ["first", "second"], "{gone:?}");
        feed.has_recovered().await;
        // Where the watch itself says so, the other watches go on.
        let failed = feed.metrics.render().contains("rolegate_feed_failures_total{feed=\"store\"}");
        assert_eq!(failed, matches!(gone, Gone::Answer), "{gone:?}");
        feed.end().await;
    }
}

/// What an API server was asked that answers every list, and watches of policies only once that is allowed.
#[derive(Default)]
struct Refusing {
    lists: AtomicUsize,
    watches: AtomicUsize,
    allowed: AtomicBool,
}

impl Refusing {
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
        let uri = request.uri();
        let is_policies = uri.path().ends_with("/gatepolicies");
        if uri.query().is_some_and(|query| query.contains("watch=true")) {
            if !is_policies {
                self.watches.fetch_add(1, Ordering::SeqCst);
            }
            if !is_policies || self.allowed.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                 "message": "gatepolicies is forbidden", "reason": "Forbidden", "code": 403 });
            return Ok(json_answer(StatusCode::FORBIDDEN, &status));
        }
        // So that policies are refused, and listed again, before everything is listed.
        if uri.path().ends_with("/gateroles") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let listed = |before: usize| if before < 4 { 1 } else { 2 };
        let count = if is_policies { listed(self.lists.fetch_add(1, Ordering::SeqCst)) } else { 0 };
        let list = json!({ "metadata": { "resourceVersion": "1" }, "items": policies(count) });
        Ok(json_answer(StatusCode::OK, &list))
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_watch_is_refused_lists_serve_and_are_asked_for_ever_more_seldom() {
    let server = Arc::new(Refusing::default());
    let asked = Arc::clone(&server);
    let mut feed = Running::new(&at_once(), move |request| Arc::clone(&asked).answer(request));
    feed.has_seen(1).await;
    assert!(feed.readiness.state().is_ready(), "what is listed is good");
    feed.has_seen(2).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let lists = server.lists.load(Ordering::SeqCst);
    assert!((15..=25).contains(&lists), "{lists} lists in ten minutes");
    let watches = server.watches.load(Ordering::SeqCst);
    assert!(watches < 50, "{watches} watches of the other kinds, each of a minute: they live on");
    let troubles = feed.health.troubles();
    assert!(troubles["store"].contains("list and watch GatePolicy"), "{troubles:?}");
    server.allowed.store(true, Ordering::SeqCst);
    feed.has_recovered().await;
    feed.end().await;
}

#[tokio::test(start_paused = true)]
async fn lists_are_taken_in_at_once_and_published_when_everything_else_is_known() {
    let (lists, after) = (Arc::new(AtomicUsize::new(0)), Arc::new(SetOnce::new()));
    let server = Arc::new(Refusing { allowed: AtomicBool::new(true), ..Refusing::default() });
    let asked = Arc::clone(&server);
    let counted = Arc::clone(&lists);
    let mut feed = Running::new(&after, move |request| {
        counted.fetch_add(1, Ordering::SeqCst);
        Arc::clone(&asked).answer(request)
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(lists.load(Ordering::SeqCst), 8, "four lists, four watches");
    assert!(feed.snapshots.load().is_none() && !feed.readiness.state().is_ready());
    after.set(()).unwrap();
    feed.has_seen(1).await;
    assert!(feed.readiness.state().is_ready() && feed.snapshots.load().is_some());
    feed.end().await;
}
